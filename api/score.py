"""POST /v1/score, in vLLM's shape: how much the texts of each pair have to do with each other."""

import time
import uuid
from typing import Annotated, Literal

from pydantic import Field, Tag
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typing_extensions import TypedDict

from api.disconnect import unless_disconnected
from api.embedding_rows import NamedInput
from api.errors import InvalidRequestError
from api.fields import TEXT_OR_OTHER, Fields
from api.forward_usage import ForwardUsage, forward_usage
from api.json_body import read_json
from api.json_response import json_response
from api.relevance import Pair, Relevance

Texts = Annotated[
    Annotated[str, Tag("=text")] | Annotated[list[str], Tag("=other"), Field(min_length=1)],
    TEXT_OR_OTHER,
]


class ScoreRequest(Fields):
    """One text against one, one against many, or two lists of a length pair by pair."""

    model: str
    text_1: Texts
    text_2: Texts
    user: str | None = Field(default=None, max_length=512)

    @property
    def pairs(self) -> list[Pair]:
        """Raises InvalidRequestError."""
        first, second = _named("text_1", self.text_1), _named("text_2", self.text_2)
        if len(first) == 1:
            first *= len(second)
        if len(first) != len(second):
            raise InvalidRequestError(
                f"text_1 has {len(first)} entries and text_2 {len(second)}; text_1 must be one "
                "text, or as many as text_2.",
                param="text_1",
            )
        return list(zip(first, second, strict=True))


class PairScore(TypedDict):
    index: int
    object: Literal["score"]
    score: float


class PairScores(TypedDict):
    id: str
    object: Literal["list"]
    created: int
    model: str
    data: list[PairScore]
    usage: ForwardUsage


def _named(field: str, texts: str | list[str]) -> list[NamedInput]:
    if isinstance(texts, str):
        return [NamedInput(field, texts)]
    return [NamedInput(f"{field}[{index}]", text) for index, text in enumerate(texts)]


def score_routes(relevance: Relevance) -> list[Route]:
    async def score(http: Request) -> Response:
        request = await read_json(
            http.scope, http.receive, ScoreRequest, max_bytes=relevance.limits.max_body_bytes
        )
        return await unless_disconnected(http.receive, _answer(request, relevance))

    return [Route("/v1/score", score, methods=["POST"])]


async def _answer(request: ScoreRequest, relevance: Relevance) -> Response:
    """Raises ApiError."""
    scores = await relevance.scores(request.model, request.pairs)
    body: PairScores = {
        "id": f"score-{uuid.uuid4().hex}",
        "object": "list",
        "created": int(time.time()),
        "model": scores.model,
        "data": [
            {"index": index, "object": "score", "score": score}
            for index, score in enumerate(scores.values)
        ],
        "usage": forward_usage(scores.num_tokens),
    }
    return json_response(body)
