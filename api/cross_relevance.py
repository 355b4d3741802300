"""How relevant a text is to a query, from a cross-encoder that reads both together."""

from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from api.embedding_rows import (
    DEFAULT_LIMITS,
    EmbeddingLimits,
    NamedInput,
    check_inputs,
    check_total,
    refused,
)
from api.errors import NotFoundError
from api.relevance import Pair, Scores
from runners.pair_scorer import PairScorer

if TYPE_CHECKING:  # it imports torch and transformers, which takes seconds
    from models.encoders.cross_encoder import PairRow

MAX_CHARS_PER_TOKEN = 32
"""Words are shorter; what is longer than that is no text."""

ScorePairs = Callable[["Sequence[PairRow]"], Awaitable[Sequence[float]]]
"""Whatever merges rows with other calls' rows, see `api/adaptive_batching.py`."""


class CrossRelevance:
    """`scorer` raises UnavailableError for as long as the model loads."""

    def __init__(
        self,
        scorer: Callable[[], PairScorer],
        score_pairs: ScorePairs,
        limits: EmbeddingLimits = DEFAULT_LIMITS,
    ) -> None:
        self.limits = limits
        self._scorer = scorer
        self._score_pairs = score_pairs

    async def scores(self, model: str, pairs: Sequence[Pair]) -> Scores:
        """Raises ApiError."""
        scorer = self._scorer()
        if model != scorer.model_name:
            raise NotFoundError(
                f"the model {model!r:.100} does not rank here; {scorer.model_name!r} does.",
                param="model",
                code="model_not_found",
            )
        texts = list(dict.fromkeys(chain.from_iterable(pairs)))
        check_inputs(texts, self.limits)
        for text in texts:
            _check_length(text, scorer)
        rows = await scorer.tokenize([(str(a.value), str(b.value)) for a, b in pairs])
        for (_, text), (ids, _) in zip(pairs, rows, strict=True):
            if len(ids) > scorer.max_tokens:
                raise refused(
                    f"{text.name} has {len(ids)} tokens together with what it is compared to; "
                    f"{scorer.model_name} accepts {scorer.max_tokens}. Shorten or split it.",
                    text,
                    "context_length_exceeded",
                )
        num_tokens = sum(len(ids) for ids, _ in rows)
        check_total(num_tokens, texts[-1], self.limits)
        return Scores(scorer.model_name, await self._score_pairs(rows), num_tokens)


def _check_length(text: NamedInput, scorer: PairScorer) -> None:
    """Before a long query is tokenised with each of a thousand documents."""
    limit = scorer.max_tokens * MAX_CHARS_PER_TOKEN
    if len(text.value) > limit:
        raise refused(
            f"{text.name} has {len(text.value)} characters; {scorer.model_name} accepts "
            f"{scorer.max_tokens} tokens, and at most {limit} characters. Shorten or split it.",
            text,
            "context_length_exceeded",
        )
