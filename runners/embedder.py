"""Token ids in, unit vectors out, from whichever network this service embeds with.

An encoder trained for similarity is what retrieval wants. Without one, the decoder's own hidden
states are averaged over the tokens: they cost no second model and cluster texts by topic, but they
were trained to predict the next token and each sees only what stands before it, so their cosines
are crowded near 1 and rank worse.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # it imports torch and transformers, which takes seconds
    from models.encoders.encoder import Encoder

TokenRow = list[int]
Vector = list[float]


class Embedder(Protocol):
    """`embed` trusts its rows: 1 to `max_tokens` ids, each below `vocab_size`. The API checks them,
    because one bad row would fail the whole batch that it was merged into."""

    model_name: str
    dimensions: int
    shorter_dimensions: tuple[int, ...]
    """Lengths that a vector may be cut to and normalised again without losing its meaning."""
    max_tokens: int
    vocab_size: int

    async def tokenize(self, texts: Sequence[str]) -> list[TokenRow]:
        """Off the event loop; never truncates."""
        ...

    async def embed(self, rows: Sequence[TokenRow]) -> list[Vector]:
        """One vector of length 1 per row, in order."""
        ...

    def close(self) -> None: ...


class EncoderEmbedder:
    """An encoder on a thread of its own: one forward at a time, so a forward never waits for
    another's cores."""

    def __init__(self, encoder: "Encoder", model_name: str) -> None:
        self._encoder = encoder
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="encoder")
        self.model_name = model_name
        self.dimensions = encoder.dimensions
        self.shorter_dimensions = encoder.matryoshka_dimensions
        self.max_tokens = encoder.max_tokens
        self.vocab_size = encoder.vocab_size

    async def tokenize(self, texts: Sequence[str]) -> list[TokenRow]:
        return await asyncio.to_thread(self._encoder.tokenize, texts)

    async def embed(self, rows: Sequence[TokenRow]) -> list[Vector]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._vectors, rows)

    def close(self) -> None:
        """Idempotent; lets a running forward end."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _vectors(self, rows: Sequence[TokenRow]) -> list[Vector]:
        vectors: list[Vector] = self._encoder.embed(rows).tolist()
        return vectors


class EmbeddingRunner(Protocol):
    """The one method of `runners/runner.py`'s Runner that is needed here."""

    async def embed(self, prompts: Sequence[tuple[int, ...]]) -> list[list[float]]: ...


class DecoderEmbedder:
    """The served decoder's own hidden states, averaged over the tokens; its engine batches and
    bounds the work."""

    shorter_dimensions: tuple[int, ...] = ()

    def __init__(
        self,
        runner: EmbeddingRunner,
        encode: Callable[[str], Sequence[int]],
        *,
        model_name: str,
        dimensions: int,
        max_tokens: int,
        vocab_size: int,
    ) -> None:
        self._runner = runner
        self._encode = encode
        self.model_name = model_name
        self.dimensions = dimensions
        self.max_tokens = max_tokens
        self.vocab_size = vocab_size

    async def tokenize(self, texts: Sequence[str]) -> list[TokenRow]:
        return await asyncio.to_thread(lambda: [list(self._encode(text)) for text in texts])

    async def embed(self, rows: Sequence[TokenRow]) -> list[Vector]:
        return await self._runner.embed([tuple(row) for row in rows])

    def close(self) -> None:
        """The runner belongs to whoever made it."""
