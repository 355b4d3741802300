"""x W^T + b over a quantised weight on torch's operators, for machines without the kernels."""

from collections.abc import Callable

import torch
from torch.nn import functional as F

from models.quantization.quantized_weight import QuantizedWeight

_BLOCK_ELEMENTS = 1 << 17
"""Dequantised at a time: 512 KB of fp32, which the cache still holds when they are multiplied.
9728x896 takes 2.0 ms for one row, as in packed fp32; blocks of 1 MB and more took 18 to 34."""


class DequantizingProduct:
    """A Product that keeps the few bits and dequantises blocks of rows in every call."""

    __slots__ = ("_bias", "_blocks")

    def __init__(self, weight: QuantizedWeight, bias: torch.Tensor | None = None) -> None:
        self._bias = bias
        rows = max(1, _BLOCK_ELEMENTS // weight.shape[1])
        self._blocks = [
            weight.map_rows(_slice(start, start + rows))
            for start in range(0, weight.shape[0], rows)
        ]

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        products = [F.linear(x, block.dequantize().to(x.dtype)) for block in self._blocks]
        y = torch.cat(products, dim=-1)
        return y if self._bias is None else y.add_(self._bias)


def _slice(start: int, stop: int) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda rows: rows[start:stop]
