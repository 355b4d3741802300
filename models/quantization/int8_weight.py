"""Symmetric int8 weights with one scale per output row: the qint8 algorithm of optimum-quanto.

Knows nothing of files (`quanto_format.py`) or of how the product is computed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from models.kernels.packed_weight import PackedWeight, pack_int8
from models.quantization.quantized_weight import row_blocks

_LARGEST = 127


@dataclass(frozen=True, slots=True)
class Int8Weight:
    """A QuantizedWeight."""

    data: torch.Tensor
    """[out_features, in_features] int8."""
    scale: torch.Tensor
    """[out_features] fp32: weight = data * scale."""

    @classmethod
    def quantize(cls, weight: torch.Tensor) -> "Int8Weight":
        """weight [out_features, in_features] float; the same bits as quanto's from fp32."""
        data = torch.empty(weight.shape, dtype=torch.int8, device=weight.device)
        scale = torch.empty(len(weight), device=weight.device)
        for rows in row_blocks(weight):
            block = weight[rows].float()
            low, high = block.aminmax(dim=1)
            scale[rows] = torch.maximum(-low, high).div_(_LARGEST)
            # A row of zeros has scale 0; 0 / 0 would be NaN.
            divisor = scale[rows].masked_fill(scale[rows] == 0, 1.0)
            data[rows] = (block / divisor[:, None]).round_().clamp_(-128, 127)
        return cls(data, scale)

    @classmethod
    def stack(cls, parts: Sequence["Int8Weight"]) -> "Int8Weight":
        """One matrix whose rows are those of all `parts`."""
        return cls(
            torch.cat([part.data for part in parts]), torch.cat([part.scale for part in parts])
        )

    @property
    def shape(self) -> tuple[int, int]:
        out_features, in_features = self.data.shape
        return out_features, in_features

    def map_rows(self, change: Callable[[torch.Tensor], torch.Tensor]) -> "Int8Weight":
        return Int8Weight(change(self.data), change(self.scale))

    def dequantize(self) -> torch.Tensor:
        """[out_features, in_features] fp32."""
        return self.data * self.scale[:, None]

    def pack(self) -> PackedWeight:
        return pack_int8(self.data, self.scale)
