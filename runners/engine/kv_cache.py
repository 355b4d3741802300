"""The tensors behind the block ids, and how many of them the machine can hold."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy
import torch

from models.architectures.causal_lm import CacheShape
from models.kernels import library
from models.kernels.operators import HEAD_DIM_MULTIPLE
from models.layers.cache_layers import CacheLayers


class CacheFormatError(ValueError):
    """This model's keys and values cannot be kept as asked for."""


def int8_shape(shape: CacheShape, device: torch.device) -> CacheShape:
    """The same cache rounded to int8. Raises CacheFormatError where no kernel attends over it."""
    if device.type != "cpu" or shape.dtype != torch.float32 or not library.is_loaded():
        raise CacheFormatError(
            f"kv_cache=int8 needs the CPU kernels and a model computed in fp32; this one runs on "
            f"{device.type} in {shape.dtype}. Leave kv_cache out, or build the kernels: "
            "python -m models.kernels.build."
        )
    if shape.head_dim % HEAD_DIM_MULTIPLE:
        raise CacheFormatError(
            f"kv_cache=int8 needs heads of a multiple of {HEAD_DIM_MULTIPLE} dimensions; those of "
            f"this model have {shape.head_dim}. Leave kv_cache out."
        )
    return replace(shape, dtype=torch.int8)


class KVCache:
    """Per layer one key and one value tensor, [num_blocks, block_size, num_kv_heads, stored_dim].

    Zeroed, because attention multiplies slots it has masked by a weight of 0, and 0 * NaN is NaN.
    On a CPU the pages are taken from the system only as blocks are first written.
    """

    def __init__(
        self, shape: CacheShape, num_blocks: int, block_size: int, device: torch.device
    ) -> None:
        self.num_blocks = num_blocks
        self.block_size = block_size
        size = (num_blocks, block_size, shape.num_kv_heads, shape.stored_dim)
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
