"""POST /v1/embeddings, in OpenAI's shape.

Everything about a request is checked, here and in `api/embedding_rows.py`, before its rows of token
ids are merged with other requests' rows. `embed_rows` is whatever merges them.
"""

import base64
from collections.abc import Callable
from typing import Annotated, Any, Literal, cast

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typing_extensions import TypedDict

from api.disconnect import unless_disconnected
from api.embedding_rows import (
    DEFAULT_LIMITS,
    EmbeddingLimits,
    EmbedRows,
    NamedInput,
    check_model,
    checked_rows,
)
from api.errors import InvalidRequestError, api_error
from api.forward_usage import ForwardUsage, forward_usage
from api.json_body import off_loop, read_json
from runners.embedder import Embedder, TokenRow
from runners.engine.errors import EngineError

Matrix = NDArray[np.float32]

_VECTORS_ON_LOOP = 32
"""More take milliseconds to write, and are written in a thread."""


def _kind(value: object) -> str | None:
    """Names the member of the union that `input` is meant to be, from its first entry."""
    if isinstance(value, str):
        return "=text"
    if not isinstance(value, list) or not value:
        return None
    first = value[0]
    if isinstance(first, list):
        return "=id rows"
    return "=texts" if isinstance(first, str) else "=ids"


TokenId = Annotated[int, Field(ge=0)]
Input = Annotated[
    Annotated[str, Tag("=text")]
    | Annotated[list[str], Tag("=texts")]
    | Annotated[list[TokenId], Tag("=ids")]
    | Annotated[list[list[TokenId]], Tag("=id rows")],
    Discriminator(
        _kind,
        custom_error_type="input_kind",
        custom_error_message="must be a string, token ids, or a list of either, and not empty",
    ),
]


class EmbeddingRequest(BaseModel):
    """`user` is accepted because clients send it, and goes nowhere."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    model: str
    input: Input
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(default=None, ge=1)
    user: str | None = Field(default=None, max_length=512)


class Embedding(TypedDict):
    object: Literal["embedding"]
    index: int
    embedding: list[float] | str
    """Numbers, or 32-bit floats as base64."""


class Embeddings(TypedDict):
    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: ForwardUsage


def embedding_routes(
    embedder: Callable[[], Embedder],
    embed_rows: EmbedRows,
    limits: EmbeddingLimits = DEFAULT_LIMITS,
) -> list[Route]:
    """`embedder` raises UnavailableError for as long as the model loads."""

    async def embeddings(request: Request) -> Response:
        body = await read_json(
            request.scope, request.receive, EmbeddingRequest, max_bytes=limits.max_body_bytes
        )
        answer = _answer(body, embedder(), embed_rows, limits)
        return await unless_disconnected(request.receive, answer)

    return [Route("/v1/embeddings", embeddings, methods=["POST"])]


async def _answer(
    request: EmbeddingRequest, embedder: Embedder, embed_rows: EmbedRows, limits: EmbeddingLimits
) -> Response:
    """Raises ApiError."""
    check_model(request.model, embedder)
    dimensions = _dimensions(request, embedder)
    rows = await _rows(request, embedder, limits)
    try:
        vectors = await embed_rows(rows)
    except EngineError as error:
        raise api_error(error) from error

    def write() -> bytes:
        matrix = _cut(np.asarray(vectors, dtype="<f4"), dimensions)
        return _body(matrix, request, embedder.model_name, sum(map(len, rows)))

    content = await off_loop(len(rows) > _VECTORS_ON_LOOP, write)
    return Response(content, media_type="application/json")


def _dimensions(request: EmbeddingRequest, embedder: Embedder) -> int:
    """A vector means nothing when cut, unless its network was trained for that."""
    wanted = request.dimensions or embedder.dimensions
    allowed = sorted({*embedder.shorter_dimensions, embedder.dimensions})
    if wanted not in allowed:
        raise InvalidRequestError(
            f"dimensions is {wanted}; {embedder.model_name} gives "
            f"{' or '.join(map(str, allowed))}. Leave it out, or set it to that.",
            param="dimensions",
            code="invalid_value",
        )
    return wanted


async def _rows(
    request: EmbeddingRequest, embedder: Embedder, limits: EmbeddingLimits
) -> list[TokenRow]:
    """Token ids that `Embedder.embed` may trust."""
    given: Any = request.input
    if isinstance(given, str) or isinstance(given[0], int):
        inputs = [NamedInput("input", given)]
    else:
        inputs = [NamedInput(f"input[{index}]", entry) for index, entry in enumerate(given)]
    return await checked_rows(inputs, embedder, limits)


def _cut(vectors: Matrix, dimensions: int) -> Matrix:
    """[n, size] -> [n, dimensions], each of length 1 again."""
    if dimensions == vectors.shape[1]:
        return vectors
    cut = vectors[:, :dimensions]
    return np.ascontiguousarray(cut / np.linalg.norm(cut, axis=1, keepdims=True), dtype="<f4")


def _body(vectors: Matrix, request: EmbeddingRequest, model: str, num_tokens: int) -> bytes:
    """As 32-bit floats either way: the decimals are the shortest that name them."""
    as_base64 = request.encoding_format == "base64"
    data: list[Embedding] = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(vector.tobytes()).decode()
            if as_base64
            else cast(list[float], vector),
        }
        for index, vector in enumerate(vectors)
    ]
    answer: Embeddings = {
        "object": "list",
        "data": data,
        "model": model,
        "usage": forward_usage(num_tokens),
    }
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
