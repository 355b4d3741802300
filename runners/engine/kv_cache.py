"""The tensors behind the block ids, and how many of them the machine can hold."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy
import torch

from models.architectures.causal_lm import CacheShape
from models.kernels import library
from models.kernels.operators import HEAD_DIM_MULTIPLE, SCALE_BYTES
from models.kernels.triton import support
from models.layers.cache_layers import CacheLayers
from models.quantization.float8_product import multiplies_float8
from runners.engine.config import CachePrecision


class CacheFormatError(ValueError):
    """This model's keys and values cannot be kept as asked for."""


def rounded_shape(shape: CacheShape, precision: CachePrecision, device: torch.device) -> CacheShape:
    """The same cache at another precision. Raises CacheFormatError where no kernel attends over
    it."""
    if precision == "auto":
        return shape
    if support.runs_on(device):
        return _on_gpu(shape, precision, device)
    if precision == "float8":
        raise CacheFormatError(
            f"kv_cache=float8 needs a GPU and Triton; the device is {device.type}. Leave kv_cache "
            "out, or set it to int8."
        )
    if device.type != "cpu" or shape.dtype != torch.float32 or not library.is_loaded():
        raise CacheFormatError(
            f"kv_cache=int8 needs the CPU kernels and a model computed in fp32, or a GPU and "
            f"Triton; this one runs on {device.type} in {shape.dtype}. Leave kv_cache out, or "
            "build the kernels: python -m models.kernels.build."
        )
    _check_head_dim(shape, HEAD_DIM_MULTIPLE)
    return replace(shape, dtype=torch.int8)


def _on_gpu(shape: CacheShape, precision: CachePrecision, device: torch.device) -> CacheShape:
    if precision == "int8":
        _check_head_dim(shape, SCALE_BYTES)  # a scale is read as the float that it is
        return replace(shape, dtype=torch.int8)
    if not multiplies_float8(device):
        raise CacheFormatError(
            f"kv_cache=float8 needs a GPU that knows float8 (Nvidia's from Ada and Hopper on); "
            f"this one is {device}. Set kv_cache to int8."
        )
    return replace(shape, dtype=torch.float8_e4m3fn)


def _check_head_dim(shape: CacheShape, multiple: int) -> None:
    if shape.head_dim % multiple:
        raise CacheFormatError(
            f"kv_cache=int8 needs heads of a multiple of {multiple} dimensions; those of this "
            f"model have {shape.head_dim}. Leave kv_cache out."
        )


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
