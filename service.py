"""The composition root: settings -> model -> runner -> HTTP application. The only BentoML service.

`bentoml serve` imports this file twice: in its supervisor, to learn what the service needs, and in
the worker, which serves. Nothing is loaded at import; the worker's engine thread loads the model
while the HTTP side already answers.
"""

import asyncio
import logging
import sys
import threading
from typing import cast

import bentoml
from bentoml.exceptions import BentoMLException
from starlette.exceptions import HTTPException

from api.adaptive_batching import BatchedService, MergedForwards
from api.batch_processing import BatchProcessing, batch_limits
from api.generator import Generator
from api.gpu_metrics import GpuMetrics
from api.graceful_exit import GracefulExit
from api.key_gate import KeyGate, warn_if_open
from api.metrics import Metrics
from api.openapi import openapi_routes
from api.response_store import ResponseStore
from api.responses import Responses
from api.service_app import DirectForwards, http_limits, service_app
from api.serving import Serving
from api.settings import load_settings, refuse_lost_arguments
from api.supervisor import fail_on_signal
from api.uvicorn_server import (
    end_stalled_connections,
    keep_connections,
    running_server,
)
from models.errors import ModelError
from models.store import resolve_model
from runners.engine.scoring_task import ScoringTask

logger = logging.getLogger("kamado.service")

arguments = vars(bentoml.use_arguments())
refuse_lost_arguments(sys.argv, arguments)
settings = load_settings(arguments)
keys = settings.key_ring()
metrics = Metrics(lambda: serving.served.engine_stats())
gpus = GpuMetrics.find()
serving: Serving = Serving(settings, on_step=metrics.observe_step)
served, runner = serving.served, serving.runner


forwards = DirectForwards(serving)
merged = MergedForwards(lambda: cast(BatchedService, Kamado))
limits = http_limits(settings)
response_store = ResponseStore(settings.state_folder)
responses = Responses(
    Generator(served, metrics),
    response_store,
    max_body_bytes=limits.max_body_bytes,
    limits=limits.delivery,
)
batches = BatchProcessing(settings.state_folder, batch_limits(settings), serving)
documents = openapi_routes(
    served.name, embedding=settings.public_embedding_name, ranking=settings.public_rerank_name
)
app = service_app(
    serving, settings, metrics, merged, [*batches.routes, *responses.routes, *documents]
)


@bentoml.service(
    name="kamado",
    service_class=BatchedService,
    workers=1,
    traffic={"timeout": settings.request_timeout_s + 60},  # for whoever calls; ours comes first
    logging={"access": {"enabled": False}},  # the front door writes its own
    # "none" for the distribution: any other installs a compiler, which nothing here needs
    image=bentoml.images.Image(base_image="python:3.11-slim", distro="none", python_version="3.11"),
)
@bentoml.asgi_app(app)
class Kamado:
    def __init__(self) -> None:
        for name in ("kamado", "runners", "models"):
            logging.getLogger(name).setLevel(logging.INFO)
        server = running_server()
        self._exit = GracefulExit(server, self._drain)
        self._exit.install()
        serving.start()
        batches.start()
        loop = asyncio.get_running_loop()
        watches = (self._watch(), self._exit.watch_supervisor())
        self._tasks = [loop.create_task(watch) for watch in watches]
        if server is not None:
            keep_connections(server)
            self._tasks.append(loop.create_task(end_stalled_connections(server)))
            self._tasks.append(loop.create_task(warn_if_open(server, keys)))

    @bentoml.on_deployment  # type: ignore[untyped-decorator]  # BentoML is not typed
    @staticmethod
    def check_models() -> None:
        """In the supervisor, before there is a worker: a wrong name ends the command at once."""
        fail_on_signal()
        for name in filter(None, (settings.model, settings.embedding_model, settings.rerank_model)):
            try:
                resolve_model(name)
            except ModelError as error:
                raise BentoMLException(str(error)) from None

    async def __is_ready__(self) -> bool:
        if served.is_ready:
            return True
        refusal = served.unavailable()
        raise HTTPException(refusal.status, str(refusal))  # BentoML's own would not say why

    async def __metrics__(self, bentomls_own: str) -> str:
        return bentomls_own + metrics.render(await batches.metrics(), *gpus)

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=60_000)  # type: ignore[untyped-decorator]
    async def embed_rows(self, rows: list[list[int]]) -> list[list[float]]:
        """Not a route: /v1/embeddings comes here, with rows it has checked."""
        return await forwards.embed_rows(rows)

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=60_000)  # type: ignore[untyped-decorator]
    async def score_rows(self, rows: list[ScoringTask]) -> list[list[float]]:
        """Not a route either: /v1/classify comes here."""
        return await forwards.score_rows(rows)

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=60_000)  # type: ignore[untyped-decorator]
    async def score_pairs(self, rows: list[list[list[int]]]) -> list[float]:
        """Nor is this: /v1/rerank and /v1/score come here where there is a cross-encoder."""
        return await forwards.score_pairs(rows)

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        response_store.close()
        batches.close()
        closing = threading.Thread(target=serving.close, daemon=True)
        closing.start()
        closing.join(timeout=5)  # an engine that still loads is not waited for

    async def _drain(self) -> None:
        """A batch goes on after the next start; online answers are finished."""
        await batches.stop()
        await runner.drain(settings.drain_timeout_s)

    async def _watch(self) -> None:
        """A model that cannot be loaded ends the service; an engine that fails, its worker. One
        that is not what its card says ends neither: readiness stays red and says why."""
        was_ready = False
        while runner.failure is None:
            was_ready = served.is_ready
            await asyncio.sleep(0.2)
        logger.critical("%s cannot be served: %s", settings.model, runner.failure)
        if served.card_error is not None:
            return
        if was_ready:
            self._exit.now()
        else:
            self._exit.for_good()


cast(BatchedService, Kamado).add_asgi_middleware(
    KeyGate, keys=keys, metrics=metrics, open_metrics=settings.open_metrics
)
