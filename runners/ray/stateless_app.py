"""The routes that any replica answers alike: all of service.py's that keep nothing on a disk.

Files, batches and responses that go on from earlier ones belong to the process that has them on its
disk. Files have their own way here, `runners.ray:batch`.
"""

from collections.abc import Sequence

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
from runners.engine.scoring_task import ScoringTask


def stateless_app(serving: Serving, settings: Settings) -> ASGIApp:
    """Answers 503 until the model is loaded."""

    async def embed(rows: Sequence[list[int]]) -> Sequence[list[float]]:
        return await serving.ready_embedder().embed(rows)

    async def score_pairs(rows: Sequence[list[list[int]]]) -> Sequence[float]:
        return await serving.ready_pair_scorer().score(rows)

    async def score_tasks(rows: Sequence[ScoringTask]) -> Sequence[Sequence[float]]:
        return await serving.runner.score(rows)

    relevance: Relevance = (
        Similarity(serving.ready_embedder, embed)
        if settings.rerank_model is None
        else CrossRelevance(serving.ready_pair_scorer, score_pairs)
    )
    metrics = Metrics(serving.served.engine_stats)
    limits = HttpLimits(
        max_body_bytes=int(settings.max_body_mb * 2**20),
        delivery=DeliveryLimits(answer_s=settings.request_timeout_s),
    )
    generator = Generator(serving.served, metrics)
    classifier = Classifier(
        serving.served, generator, score_tasks, max_body_bytes=limits.max_body_bytes
    )
    other_names = {settings.public_embedding_name, settings.public_rerank_name}
    return create_app(
        serving.served,
        metrics,
        limits,
        more_routes=[
            *embedding_routes(serving.ready_embedder, embed),
            *rerank_routes(relevance),
            *score_routes(relevance),
            *classifier.routes,
        ],
        more_models=other_names - {serving.served.name},
    )
