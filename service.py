"""The composition root: settings -> model -> runner -> HTTP application. The only BentoML service.

`bentoml serve` imports this file twice: in its supervisor, to learn what the service needs, and in
the worker, which serves. Nothing is loaded at import; the worker's engine thread loads the model
while the HTTP side already answers.
"""

import asyncio
import gc
import logging
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import bentoml
from bentoml.exceptions import BentoMLException

from api.adaptive_batching import BatchedService
from api.app import HttpLimits, create_app
from api.classify import Classifier
from api.delivery import DeliveryLimits
from api.embeddings import embedding_routes
from api.errors import RETRY_UNAVAILABLE_S, UnavailableError
from api.generator import Generator
from api.graceful_exit import GracefulExit
from api.metrics import Metrics
from api.rerank import rerank_routes
from api.score import score_routes
from api.served_model import ServedModel
from api.settings import load_settings, refuse_lost_arguments
from api.similarity import Similarity
from api.uvicorn_server import end_stalled_connections, keep_connections, running_server
from models.errors import ModelError
from models.store import resolve_model
from runners.embedder import Embedder
from runners.engine.config import CacheConfig, SchedulerConfig
from runners.engine.scoring_task import ScoringTask
from runners.runner import Runner

if TYPE_CHECKING:
    from runners.engine.engine import Engine

logger = logging.getLogger("kamado.service")

arguments = vars(bentoml.use_arguments())
refuse_lost_arguments(sys.argv, arguments)
settings = load_settings(arguments)
embedders: list[Embedder] = []
"""The one embedder, once it is loaded."""


def load_engine() -> "Engine":
    """Runs on the engine's thread. Raises ModelError, TextError and worse."""
    from runners.loading import load_encoder, load_model  # torch: seconds that the supervisor saves

    loaded = load_model(
        resolve_model(settings.model).folder,
        quantization=settings.scheme,
        activations=settings.activations,
        device=settings.device,
        max_model_len=settings.max_model_len,
        scheduler=SchedulerConfig(settings.max_num_seqs, settings.max_batch_tokens),
        cache=CacheConfig(
            settings.block_size,
            settings.prefix_caching,
            settings.kv_memory_bytes,
            rounds_to_int8=settings.kv_cache == "int8",
        ),
    )
    served.text = loaded.text
    if settings.embedding_model is None:
        embedders.append(loaded.embedder(runner, served.name))
    else:
        folder = resolve_model(settings.embedding_model).folder
        embedders.append(load_encoder(folder, settings.public_embedding_name, settings.device))
    gc.collect()
    gc.freeze()  # the garbage collector need not look at libraries and weights ever again
    return loaded.engine


def ready_embedder() -> Embedder:
    if served.is_ready and embedders:
        return embedders[0]
    raise UnavailableError("the model is not ready.", retry_after_s=RETRY_UNAVAILABLE_S)


async def embed_rows(rows: Sequence[list[int]]) -> Sequence[list[float]]:
    """Merged with other calls' rows; see api/adaptive_batching.py."""
    return await cast(BatchedService, Kamado).batched("embed_rows", rows)


async def score_rows(rows: Sequence[ScoringTask]) -> Sequence[Sequence[float]]:
    return await cast(BatchedService, Kamado).batched("score_rows", rows)


similarity = Similarity(ready_embedder, embed_rows)
metrics = Metrics(lambda: served.engine_stats())
runner = Runner(load_engine, max_waiting=settings.max_waiting, on_step=metrics.observe_step)
served: ServedModel = ServedModel(settings.public_name, runner)
limits = HttpLimits(
    max_body_bytes=int(settings.max_body_mb * 2**20),
    delivery=DeliveryLimits(answer_s=settings.request_timeout_s),
)
classifier = Classifier(
    served, Generator(served, metrics), score_rows, max_body_bytes=limits.max_body_bytes
)
app = create_app(
    served,
    metrics,
    limits,
    more_routes=[
        *embedding_routes(ready_embedder, embed_rows),
        *rerank_routes(similarity),
        *score_routes(similarity),
        *classifier.routes,
    ],
    more_models={settings.public_embedding_name} - {served.name},
)


@bentoml.service(
    name="kamado",
    service_class=BatchedService,
    workers=1,
    traffic={"timeout": settings.request_timeout_s + 60},  # for whoever calls; ours comes first
    logging={"access": {"enabled": False}},  # the front door writes its own
)
@bentoml.asgi_app(app)
class Kamado:
    def __init__(self) -> None:
        for name in ("kamado", "runners", "models"):
            logging.getLogger(name).setLevel(logging.INFO)
        server = running_server()
        self._exit = GracefulExit(server, lambda: runner.drain(settings.drain_timeout_s))
        self._exit.install()
        runner.start()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._watch())]
        if server is not None:
            keep_connections(server)
            self._tasks.append(loop.create_task(end_stalled_connections(server)))

    @bentoml.on_deployment  # type: ignore[untyped-decorator]  # BentoML is not typed
    @staticmethod
    def check_models() -> None:
        """In the supervisor, before there is a worker: a wrong name ends the command at once."""
        for name in filter(None, (settings.model, settings.embedding_model)):
            try:
                resolve_model(name)
            except ModelError as error:
                raise BentoMLException(str(error)) from None

    async def __is_ready__(self) -> bool:
        return served.is_ready

    async def __metrics__(self, bentomls_own: str) -> str:
        return bentomls_own + metrics.render()

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=60_000)  # type: ignore[untyped-decorator]
    async def embed_rows(self, rows: list[list[int]]) -> list[list[float]]:
        """Not a route: /v1/embeddings comes here, with rows it has checked."""
        return await ready_embedder().embed(rows)

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=60_000)  # type: ignore[untyped-decorator]
    async def score_rows(self, rows: list[ScoringTask]) -> list[list[float]]:
        """Not a route either: /v1/classify comes here."""
        return await runner.score(rows)

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for embedder in embedders:
            embedder.close()
        if served.text is not None:
            served.text.close()
        closing = threading.Thread(target=runner.close, daemon=True)
        closing.start()
        closing.join(timeout=5)  # an engine that still loads is not waited for

    async def _watch(self) -> None:
        """A model that cannot be loaded ends the service; an engine that fails, its worker."""
        was_ready = False
        while runner.failure is None:
            was_ready = served.is_ready
            await asyncio.sleep(0.2)
        logger.critical("%s cannot be served: %s", settings.model, runner.failure)
        if was_ready:
            self._exit.now()
        else:
            self._exit.for_good()
