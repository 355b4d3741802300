"""y = x W^T + b over an Int8Weight: the product with the dequantised weight, up to rounding."""

import torch
from torch.nn import functional as F

from models.layers.linear import FloatLinear
from models.quantization.int8_weight import Int8Weight

_BLOCK_ELEMENTS = 1 << 17
"""Dequantised at a time: 512 KB of fp32, which the cache still holds when they are multiplied.
9728x896 takes 2.0 ms for one row, as in packed fp32; blocks of 1 MB and more took 18 to 34."""


class Int8Linear:
    """A `Linear`. Keeps int8 and dequantises blocks of rows in every call, or, with `unpack`, keeps
    the dequantised weight as a `FloatLinear` does: four times the memory for its speed."""

    __slots__ = ("_bias", "_blocks", "_unpacked")

    def __init__(
        self,
        weight: Int8Weight,
        bias: torch.Tensor | None = None,
        *,
        dtype: torch.dtype = torch.float32,
        unpack: bool = False,
    ) -> None:
        """`dtype` is that of the activations."""
        self._bias = bias
        self._unpacked = FloatLinear(weight.dequantize().to(dtype), bias) if unpack else None
        rows = max(1, _BLOCK_ELEMENTS // weight.data.shape[1])
        blocks = zip(
            torch.split(weight.data, rows), torch.split(weight.scale.to(dtype), rows), strict=True
        )
        self._blocks = () if unpack else tuple(blocks)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if self._unpacked is not None:
            return self._unpacked(x)
        products = [F.linear(x, data.to(x.dtype)).mul_(scale) for data, scale in self._blocks]
        y = torch.cat(products, dim=-1)
        return y if self._bias is None else y.add_(self._bias)
