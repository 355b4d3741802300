"""POST /v1/rerank, in the shape that Jina, Cohere and vLLM share: documents by relevance to a
query."""

import uuid
from typing import Annotated, NotRequired

from pydantic import Field, Tag
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typing_extensions import TypedDict

from api.disconnect import unless_disconnected
from api.embedding_rows import NamedInput
from api.fields import TEXT_OR_OTHER, Fields
from api.forward_usage import ForwardUsage, forward_usage
from api.json_body import read_json
from api.json_response import json_response
from api.relevance import Relevance


class TextDocument(Fields):
    text: str


Document = Annotated[
    Annotated[str, Tag("=text")] | Annotated[TextDocument, Tag("=other")], TEXT_OR_OTHER
]


class RerankRequest(Fields):
    model: str
    query: str
    documents: list[Document] = Field(min_length=1)
    top_n: int | None = Field(default=None, ge=1)
    """At most so many results; None: all."""
    return_documents: bool = False
    user: str | None = Field(default=None, max_length=512)

    @property
    def texts(self) -> list[str]:
        return [entry if isinstance(entry, str) else entry.text for entry in self.documents]


class RankedText(TypedDict):
    text: str


class RankedDocument(TypedDict):
    index: int
    """Among the request's documents."""
    relevance_score: float
    document: NotRequired[RankedText]
    """If return_documents asked for it."""


class Ranking(TypedDict):
    id: str
    model: str
    results: list[RankedDocument]
    """The most relevant first."""
    usage: ForwardUsage


def rerank_routes(relevance: Relevance) -> list[Route]:
    async def rerank(http: Request) -> Response:
        request = await read_json(
            http.scope, http.receive, RerankRequest, max_bytes=relevance.limits.max_body_bytes
        )
        return await unless_disconnected(http.receive, _answer(request, relevance))

    return [Route("/v1/rerank", rerank, methods=["POST"])]


async def _answer(request: RerankRequest, relevance: Relevance) -> Response:
    """Best first; documents that are equally relevant in the request's order. Raises ApiError."""
    query = NamedInput("query", request.query)
    texts = request.texts
    documents = [NamedInput(f"documents[{i}]", text) for i, text in enumerate(texts)]
    scores = await relevance.scores(request.model, [(query, document) for document in documents])
    ranked = sorted(enumerate(scores.values), key=lambda entry: -entry[1])
    results: list[RankedDocument] = [
        {"index": index, "relevance_score": score} for index, score in ranked[: request.top_n]
    ]
    if request.return_documents:
        for result in results:
            result["document"] = {"text": texts[result["index"]]}
    body: Ranking = {
        "id": f"rerank-{uuid.uuid4().hex}",
        "model": scores.model,
        "results": results,
        "usage": forward_usage(scores.num_tokens),
    }
    return json_response(body)
