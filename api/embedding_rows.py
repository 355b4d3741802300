"""Rows of token ids that an Embedder may trust: every check that names the caller's field happens
here, before rows of several calls are merged and nobody knows whose row is whose."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from api.errors import InvalidRequestError, NotFoundError
from runners.embedder import Embedder, TokenRow, Vector

EmbedRows = Callable[[Sequence[TokenRow]], Awaitable[Sequence[Vector]]]
"""Whatever merges rows with other calls' rows, see `api/adaptive_batching.py`; or the embedder's
own `embed`, unmerged."""


@dataclass(frozen=True, slots=True)
class EmbeddingLimits:
    """Per call; OpenAI's own numbers."""

    max_inputs: int = 2048
    max_total_tokens: int = 300_000
    max_body_bytes: int = 16 * 1024 * 1024


DEFAULT_LIMITS = EmbeddingLimits()


@dataclass(frozen=True, slots=True)
class NamedInput:
    """Text or token ids, and where in the request they stand."""

    name: str
    value: str | TokenRow

    @property
    def field(self) -> str:
        """The top-level field that errors are charged to."""
        return self.name.partition("[")[0]


def check_model(name: str, embedder: Embedder) -> None:
    """Raises NotFoundError."""
    if name != embedder.model_name:
        raise NotFoundError(
            f"the model {name!r:.100} does not embed here; {embedder.model_name!r} does.",
            param="model",
            code="model_not_found",
        )


async def checked_rows(
    inputs: Sequence[NamedInput], embedder: Embedder, limits: EmbeddingLimits
) -> list[TokenRow]:
    """`inputs` are all texts or all ids; there is at least one. Raises InvalidRequestError."""
    check_inputs(inputs, limits)
    texts = [entry.value for entry in inputs if isinstance(entry.value, str)]
    ids = [entry.value for entry in inputs if not isinstance(entry.value, str)]
    rows = await embedder.tokenize(texts) if texts else ids
    for entry, row in zip(inputs, rows, strict=True):
        _check_row(entry, row, embedder)
    check_total(sum(map(len, rows)), inputs[-1], limits)
    return rows


def check_inputs(inputs: Sequence[NamedInput], limits: EmbeddingLimits) -> None:
    """Raises InvalidRequestError for too many, and for an empty one."""
    if len(inputs) > limits.max_inputs:
        raise refused(
            f"{inputs[-1].field} has {len(inputs)} entries; one call takes {limits.max_inputs}. "
            "Split it.",
            inputs[-1],
        )
    for entry in inputs:
        if not entry.value:
            raise refused(f"{entry.name} is empty; it must hold at least one token.", entry)


def check_total(num_tokens: int, last: NamedInput, limits: EmbeddingLimits) -> None:
    """Raises InvalidRequestError for more than one call may hold."""
    if num_tokens > limits.max_total_tokens:
        raise refused(
            f"{last.field} has {num_tokens} tokens in all; one call takes "
            f"{limits.max_total_tokens}. Split it.",
            last,
        )


def _check_row(entry: NamedInput, row: TokenRow, embedder: Embedder) -> None:
    if not row:
        raise refused(f"{entry.name} holds no token that {embedder.model_name} knows.", entry)
    if len(row) > embedder.max_tokens:
        raise refused(
            f"{entry.name} has {len(row)} tokens; {embedder.model_name} accepts "
            f"{embedder.max_tokens}. Shorten or split it.",
            entry,
            code="context_length_exceeded",
        )
    if max(row) >= embedder.vocab_size:
        raise refused(
            f"{entry.name} holds the token id {max(row)}; those of {embedder.model_name} are "
            f"below {embedder.vocab_size}.",
            entry,
        )


def refused(message: str, entry: NamedInput, code: str = "invalid_value") -> InvalidRequestError:
    return InvalidRequestError(message, param=entry.field, code=code)
