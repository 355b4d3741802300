"""Pairs of texts in, scores out, from a cross-encoder on a thread of its own."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it imports torch and transformers, which takes seconds
    from models.encoders.cross_encoder import CrossEncoder, PairRow


class PairScorer:
    """`score` trusts its rows: at most `max_tokens` ids. One forward at a time, so that a forward
    never waits for another's cores."""

    def __init__(self, encoder: "CrossEncoder", model_name: str) -> None:
        self._encoder = encoder
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cross-encoder")
        self.model_name = model_name
        self.max_tokens = encoder.max_tokens

    @classmethod
    def from_folder(cls, folder: Path, name: str, device: str) -> "PairScorer":
        """Raises ModelError."""
        import torch

        from models.encoders.cross_encoder import CrossEncoder
        from runners.loading import pick_device

        encoder = CrossEncoder.from_folder(folder, torch.device(pick_device(device)))
        return cls(encoder, name)

    async def tokenize(self, pairs: Sequence[tuple[str, str]]) -> "list[PairRow]":
        """Off the event loop; never truncates."""
        return await asyncio.to_thread(self._encoder.tokenize, pairs)

    async def score(self, rows: "Sequence[PairRow]") -> list[float]:
        """One number per row, higher for more relevant."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._scores, rows)

    def close(self) -> None:
        """Idempotent; lets a running forward end."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _scores(self, rows: "Sequence[PairRow]") -> list[float]:
        scores: list[float] = self._encoder.score(rows).tolist()
        return scores
