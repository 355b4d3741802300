"""The tensors behind the block ids, and how many of them the machine can hold."""

import math
from collections.abc import Iterable, Sequence

import numpy
import torch

from models.architectures.causal_lm import CacheShape
from models.layers.cache_layers import CacheLayers


class KVCache:
    """Per layer one key and one value tensor, [num_blocks + 1, block_size, num_kv_heads,
    stored_dim].

    Zeroed, because attention multiplies slots it has masked by a weight of 0, and 0 * NaN is NaN.
    On a CPU the pages are taken from the system only as blocks are first written. `spare_block` is
    one more than those that are handed out: for rows that are nobody's.
    """

    def __init__(
        self, shape: CacheShape, num_blocks: int, block_size: int, device: torch.device
    ) -> None:
        self.num_blocks = num_blocks
        self.block_size = block_size
        self.spare_block = num_blocks
        size = (num_blocks + 1, block_size, shape.num_kv_heads, shape.stored_dim)
        self.layers = CacheLayers(
            (_zeros(size, shape.dtype, device), _zeros(size, shape.dtype, device))
            for _ in range(shape.num_layers)
        )

    def clear(self, blocks: Iterable[int]) -> None:
        """Zero `blocks`: whoever is given them next must not meet a NaN in a masked slot."""
        self.layers.clear(list(blocks))


def _zeros(size: Sequence[int], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """torch.zeros, but for a CPU in pages that the system hands out as they are first written:
    torch writes them all, which takes seconds and the whole budget's memory at once."""
    if device.type != "cpu":
        return torch.zeros(size, dtype=dtype, device=device)
    num_bytes = math.prod(size) * dtype.itemsize
    return torch.from_numpy(numpy.zeros(num_bytes, numpy.uint8)).view(dtype).view(*size)
