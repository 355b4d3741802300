"""The application of a service that keeps nothing: all routes that any of its replicas answers
alike. What is kept, batches and responses that others go on from, comes beside it.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from api.app import HttpLimits, create_app
from api.classify import Classifier
from api.cross_relevance import CrossRelevance
from api.delivery import DeliveryLimits
from api.embeddings import embedding_routes
from api.generator import Generator
from api.metrics import Metrics
from api.relevance import Relevance
from api.rerank import rerank_routes
from api.score import score_routes
from api.serving import Serving
from api.settings import Settings
from api.similarity import Similarity


class SingleForwards(Protocol):
    """One result for each row, from one forward of them: at once, or merged with other callers'."""

    async def embed_rows(self, rows: Sequence[Any]) -> Any:
        """Token ids -> embeddings."""

    async def score_rows(self, rows: Sequence[Any]) -> Any:
        """Scoring tasks -> a log-probability per answer."""

    async def score_pairs(self, rows: Sequence[Any]) -> Any:
        """Token ids of pairs -> the cross-encoder's scores."""


class DirectForwards:
    """Each call's rows are a forward of their own. Its methods raise UnavailableError for as long
    as the model loads."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    async def embed_rows(self, rows: Sequence[Any]) -> list[list[float]]:
        return await self._serving.ready_embedder().embed(rows)

    async def score_rows(self, rows: Sequence[Any]) -> list[list[float]]:
        return await self._serving.runner.score(rows)

    async def score_pairs(self, rows: Sequence[Any]) -> list[float]:
        return await self._serving.ready_pair_scorer().score(rows)


def http_limits(settings: Settings) -> HttpLimits:
    return HttpLimits(
        max_body_bytes=int(settings.max_body_mb * 2**20),
        delivery=DeliveryLimits(answer_s=settings.request_timeout_s),
    )


def service_app(
    serving: Serving,
    settings: Settings,
    metrics: Metrics,
    forwards: SingleForwards,
    more_routes: Iterable[BaseRoute] = (),
) -> ASGIApp:
    """Answers 503 until the model is loaded."""
    served, limits = serving.served, http_limits(settings)
    relevance: Relevance = (
        Similarity(serving.ready_embedder, forwards.embed_rows)
        if settings.rerank_model is None
        else CrossRelevance(serving.ready_pair_scorer, forwards.score_pairs)
    )
    classifier = Classifier(
        served,
        Generator(served, metrics),
        forwards.score_rows,
        max_body_bytes=limits.max_body_bytes,
    )
    other_names = {settings.public_embedding_name, settings.public_rerank_name}
    return create_app(
        served,
        metrics,
        limits,
        more_routes=[
            *embedding_routes(serving.ready_embedder, forwards.embed_rows),
            *rerank_routes(relevance),
            *score_routes(relevance),
            *classifier.routes,
            *more_routes,
        ],
        more_models=other_names - {served.name},
    )
