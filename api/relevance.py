"""What /v1/rerank and /v1/score ask for, whichever network answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from api.embedding_rows import EmbeddingLimits, NamedInput

Pair = tuple[NamedInput, NamedInput]
"""A query and a document, or any two texts."""


@dataclass(frozen=True, slots=True)
class Scores:
    model: str
    values: Sequence[float]
    """One per pair, higher for more relevant."""
    num_tokens: int


class Relevance(Protocol):
    limits: EmbeddingLimits

    async def scores(self, model: str, pairs: Sequence[Pair]) -> Scores:
        """Raises ApiError."""
        ...
