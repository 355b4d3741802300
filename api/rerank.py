"""POST /v1/rerank, in the shape that Jina, Cohere and vLLM share: documents by relevance to a
query."""

import uuid
from typing import Annotated

from pydantic import Field, Tag
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.disconnect import unless_disconnected
from api.embedding_rows import NamedInput
from api.fields import TEXT_OR_OTHER, Fields
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
    documents = [NamedInput(f"documents[{i}]", text) for i, text in enumerate(request.texts)]
    scores = await relevance.scores(request.model, [(query, document) for document in documents])
    ranked = sorted(enumerate(scores.values), key=lambda entry: -entry[1])
    results = [
        {
            "index": index,
            "relevance_score": score,
            **({"document": {"text": documents[index].value}} if request.return_documents else {}),
        }
        for index, score in ranked[: request.top_n]
    ]
    body = {
        "id": f"rerank-{uuid.uuid4().hex}",
        "model": scores.model,
        "results": results,
        "usage": {"prompt_tokens": scores.num_tokens, "total_tokens": scores.num_tokens},
    }
    return json_response(body)
