"""The composition root: settings -> model -> runner -> HTTP application. The only BentoML service.

`bentoml serve` imports this file twice: in its supervisor, to learn what the service needs, and in
the worker, which serves. Nothing is loaded at import; the worker's engine thread loads the model
while the HTTP side already answers.
"""

import asyncio
import logging
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import bentoml
import uvicorn
from bentoml.exceptions import BentoMLException
from starlette.exceptions import HTTPException

from api.adaptive_batching import BatchedService
from api.app import HttpLimits, create_app
from api.batch_processing import BatchLimits, BatchProcessing
from api.classify import Classifier
from api.cross_relevance import CrossRelevance
from api.delivery import DeliveryLimits
from api.embeddings import embedding_routes
from api.generator import Generator
from api.gpu_metrics import GpuMetrics
from api.graceful_exit import GracefulExit
from api.key_gate import KeyGate
from api.metrics import Metrics
from api.openapi import openapi_routes
from api.relevance import Relevance
from api.rerank import rerank_routes
from api.response_store import ResponseStore
from api.responses import Responses
from api.score import score_routes
from api.serving import Serving
from api.settings import load_settings, refuse_lost_arguments
from api.similarity import Similarity
from api.supervisor import fail_on_signal
from api.uvicorn_server import (
    end_stalled_connections,
    keep_connections,
    public_addresses,
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


def merged(method: str) -> Callable[[Sequence[Any]], Awaitable[Any]]:
    """One of the service's batchable methods: a call's rows go with whoever else's are there."""
    return lambda rows: cast(BatchedService, Kamado).batched(method, rows)


relevance: Relevance = (
    Similarity(serving.ready_embedder, merged("embed_rows"))
    if settings.rerank_model is None
    else CrossRelevance(serving.ready_pair_scorer, merged("score_pairs"))
)
limits = HttpLimits(
    max_body_bytes=int(settings.max_body_mb * 2**20),
    delivery=DeliveryLimits(answer_s=settings.request_timeout_s),
)
generator = Generator(served, metrics)
classifier = Classifier(
    served, generator, merged("score_rows"), max_body_bytes=limits.max_body_bytes
)
response_store = ResponseStore(settings.state_folder)
responses = Responses(
    generator,
    response_store,
    max_body_bytes=limits.max_body_bytes,
    limits=limits.delivery,
)
batches = BatchProcessing(
    settings.state_folder,
    BatchLimits(
        max_file_bytes=int(settings.max_file_mb * 2**20),
        max_total_bytes=int(settings.max_files_gb * 2**30),
        max_lines=settings.max_batch_lines,
        max_line_bytes=limits.max_body_bytes,
        max_in_flight=settings.batch_concurrency,
    ),
    serving,
)
app = create_app(
    served,
    metrics,
    limits,
    more_routes=[
        *embedding_routes(serving.ready_embedder, merged("embed_rows")),
        *rerank_routes(relevance),
        *score_routes(relevance),
        *batches.routes,
        *classifier.routes,
        *responses.routes,
        *openapi_routes(
            served.name,
            embedding=settings.public_embedding_name,
            ranking=settings.public_rerank_name,
        ),
    ],
    more_models={settings.public_embedding_name, settings.public_rerank_name} - {served.name},
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
            self._tasks.append(loop.create_task(self._tell_if_open(server)))

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
        return await serving.ready_embedder().embed(rows)

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=60_000)  # type: ignore[untyped-decorator]
    async def score_rows(self, rows: list[ScoringTask]) -> list[list[float]]:
        """Not a route either: /v1/classify comes here."""
        return await runner.score(rows)

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=60_000)  # type: ignore[untyped-decorator]
    async def score_pairs(self, rows: list[list[list[int]]]) -> list[float]:
        """Nor is this: /v1/rerank and /v1/score come here where there is a cross-encoder."""
        return await serving.ready_pair_scorer().score(rows)

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

    async def _tell_if_open(self, server: uvicorn.Server) -> None:
        if keys.is_open and (reached := await public_addresses(server)):
            logger.warning(
                "no API keys are set: whoever reaches %s may use this service. Set api_keys_file "
                "or KAMADO_API_KEYS, or listen on 127.0.0.1.",
                " or ".join(reached),
            )

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
