"""At which precision keys and values are kept, and where that can be."""

from dataclasses import replace
from typing import Literal

import torch

from models.architectures.causal_lm import CacheShape
from models.errors import CacheFormatError
from models.kernels import library
from models.kernels.operators import HEAD_DIM_MULTIPLE, SCALE_BYTES
from models.kernels.triton import support
from models.quantization.float8_product import multiplies_float8

CachePrecision = Literal["auto", "int8", "float8"]
"""Of keys and values; auto is the queries' own."""


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
