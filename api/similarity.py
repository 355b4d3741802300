"""How much two texts have to do with each other: the cosine of their vectors, from whatever network
embeds here. Ranking and scoring are two ways to ask for it."""

from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np

from api.embedding_rows import (
    DEFAULT_LIMITS,
    EmbeddingLimits,
    EmbedRows,
    check_model,
    checked_rows,
)
from api.errors import api_error
from api.relevance import Pair, Scores
from runners.embedder import Embedder
from runners.engine.errors import EngineError


class Similarity:
    """Scores go from -1 to 1. `embedder` raises UnavailableError for as long as the model loads."""

    def __init__(
        self,
        embedder: Callable[[], Embedder],
        embed_rows: EmbedRows,
        limits: EmbeddingLimits = DEFAULT_LIMITS,
    ) -> None:
        self.limits = limits
        self._embedder = embedder
        self._embed_rows = embed_rows

    async def scores(self, model: str, pairs: Sequence[Pair]) -> Scores:
        """A text that stands in many pairs, as a query does, is embedded once. Raises ApiError."""
        embedder = self._embedder()
        check_model(model, embedder)
        texts = dict.fromkeys(chain.from_iterable(pairs))
        places = {text: place for place, text in enumerate(texts)}
        rows = await checked_rows(list(places), embedder, self.limits)
        try:
            vectors = np.asarray(await self._embed_rows(rows), dtype=np.float32)
        except EngineError as error:
            raise api_error(error) from error
        left = vectors[[places[text] for text, _ in pairs]]
        right = vectors[[places[text] for _, text in pairs]]
        cosines = (left * right).sum(axis=1).clip(-1.0, 1.0)
        return Scores(embedder.model_name, cosines.tolist(), sum(map(len, rows)))
