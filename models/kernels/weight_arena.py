"""Where packed weights lie: one behind the other, in large pages.

A step reads all of them in the order in which they were packed. Neighbours keep the processor's
prefetching going from the end of one matrix to the start of the next, and a large page holds what
would be 512 small ones' entries in the table of addresses.
"""

import threading

import torch

from models.kernels.library import is_loaded

CHUNK_WORDS = 1 << 24
"""64 MiB, of which only what is written takes memory."""
LINE_WORDS = 16
"""A weight begins with a cache line."""


class WeightArena:
    """Hands out memory of chunks, each of which is freed with the last weight in it."""

    def __init__(self) -> None:
        self._free = torch.empty(0, dtype=torch.int32)
        self._lock = threading.Lock()

    def take(self, shape: torch.Size) -> torch.Tensor:
        """An uninitialised int32 tensor."""
        size = -(-shape.numel() // LINE_WORDS) * LINE_WORDS
        with self._lock:
            if size > len(self._free):
                self._free = _large_pages(max(size, CHUNK_WORDS))
            taken, self._free = self._free[:size], self._free[size:]
        return taken[: shape.numel()].view(shape)


def _large_pages(words: int) -> torch.Tensor:
    # An arena outlives the mode in which its chunk was asked for.
    with torch.inference_mode(False):
        memory = torch.empty(words + LINE_WORDS, dtype=torch.int32)
    if is_loaded():
        # Before the first write.
        torch.ops.kamado.advise_huge_pages(memory)
    return memory[-(memory.data_ptr() // 4) % LINE_WORDS :][:words]
