"""POST /v1/embeddings, in OpenAI's shape.

Everything about a request is checked here, before its rows of token ids are merged with other
requests' rows: past this point nobody knows whose row is whose. `embed_rows` is whatever merges
them; under BentoML that is `functools.partial(service.batched, "embed_rows")`, see
`api/adaptive_batching.py`, and elsewhere the embedder's own `embed` serves, unmerged.
"""

import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.disconnect import unless_disconnected
from api.errors import InvalidRequestError, NotFoundError, api_error
from api.json_body import off_loop, read_json
from runners.embedder import Embedder, TokenRow, Vector
from runners.engine.errors import EngineError

EmbedRows = Callable[[Sequence[TokenRow]], Awaitable[Sequence[Vector]]]
Matrix = NDArray[np.float32]

_VECTORS_ON_LOOP = 32
"""More take milliseconds to write, and are written in a thread."""


@dataclass(frozen=True, slots=True)
class EmbeddingLimits:
    """Per call; OpenAI's own numbers."""

    max_inputs: int = 2048
    max_total_tokens: int = 300_000
    max_body_bytes: int = 16 * 1024 * 1024


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


def embedding_routes(
    embedder: Callable[[], Embedder],
    embed_rows: EmbedRows,
    limits: EmbeddingLimits = EmbeddingLimits(),
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
    if request.model != embedder.model_name:
        raise NotFoundError(
            f"the model {request.model!r:.100} does not embed here; {embedder.model_name!r} does.",
            param="model",
            code="model_not_found",
        )
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
    given = request.input
    is_one = isinstance(given, str) or isinstance(given[0], int)
    inputs: list[Any] = [given] if is_one else list(given)
    if len(inputs) > limits.max_inputs:
        raise _refused(
            f"input has {len(inputs)} entries; one call takes {limits.max_inputs}. Split it."
        )
    names = ["input"] if is_one else [f"input[{index}]" for index in range(len(inputs))]
    for name, entry in zip(names, inputs, strict=True):
        if not entry:
            raise _refused(f"{name} is empty; it must hold at least one token.")
    rows = await embedder.tokenize(inputs) if isinstance(inputs[0], str) else inputs
    for name, row in zip(names, rows, strict=True):
        _check_row(name, row, embedder)
    total = sum(map(len, rows))
    if total > limits.max_total_tokens:
        raise _refused(
            f"input has {total} tokens in all; one call takes {limits.max_total_tokens}. Split it."
        )
    return rows


def _check_row(name: str, row: TokenRow, embedder: Embedder) -> None:
    if not row:
        raise _refused(f"{name} holds no token that {embedder.model_name} knows.")
    if len(row) > embedder.max_tokens:
        raise _refused(
            f"{name} has {len(row)} tokens; {embedder.model_name} accepts {embedder.max_tokens}. "
            "Shorten or split it.",
            code="context_length_exceeded",
        )
    if max(row) >= embedder.vocab_size:
        raise _refused(
            f"{name} holds the token id {max(row)}; those of {embedder.model_name} are below "
            f"{embedder.vocab_size}."
        )


def _refused(message: str, code: str = "invalid_value") -> InvalidRequestError:
    return InvalidRequestError(message, param="input", code=code)


def _cut(vectors: Matrix, dimensions: int) -> Matrix:
    """[n, size] -> [n, dimensions], each of length 1 again."""
    if dimensions == vectors.shape[1]:
        return vectors
    cut = vectors[:, :dimensions]
    return np.ascontiguousarray(cut / np.linalg.norm(cut, axis=1, keepdims=True), dtype="<f4")


def _body(vectors: Matrix, request: EmbeddingRequest, model: str, num_tokens: int) -> bytes:
    """As 32-bit floats either way: the decimals are the shortest that name them."""
    as_base64 = request.encoding_format == "base64"
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(vector.tobytes()).decode() if as_base64 else vector,
        }
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": num_tokens, "total_tokens": num_tokens}
    answer = {"object": "list", "data": data, "model": model, "usage": usage}
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
