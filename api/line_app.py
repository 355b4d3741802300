"""The application that answers a batch's lines: the online routes once more, for nobody who waits.

Same checks, same generation, same answers. Only the deadline is another, latencies are not counted
among those of online requests, and embeddings are not merged with theirs.
"""

from collections.abc import Sequence

from starlette.types import ASGIApp

from api.app import HttpLimits, create_app
from api.delivery import DeliveryLimits
from api.embeddings import embedding_routes
from api.metrics import Metrics
from api.serving import Serving

ANSWER_S = 86_400.0
"""A line may stand still for as long as others are served; its batch has a deadline of its own."""


def line_app(serving: Serving, *, max_body_bytes: int) -> ASGIApp:
    async def embed_rows(rows: Sequence[list[int]]) -> Sequence[list[float]]:
        return await serving.ready_embedder().embed(rows)

    return create_app(
        serving.served,
        Metrics(lambda: None),
        HttpLimits(max_body_bytes, DeliveryLimits(answer_s=ANSWER_S)),
        more_routes=embedding_routes(serving.ready_embedder, embed_rows),
    )
