"""Affine int4 weights with a scale and a shift per group of inputs: the qint4 algorithm of
optimum-quanto.

Knows nothing of files (`quanto_format.py`) or of how the product is computed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from models.kernels.packed_weight import PackedWeight, pack_int4
from models.quantization.quantized_weight import row_blocks

_LARGEST = 15
_GROUP_SIZE = 128
_SMALLEST_GROUP_SIZE = 32


def group_size_of(in_features: int) -> int:
    """The inputs that share a scale, as quanto chooses them: 128, or the next smaller multiple of
    32 that divides in_features, or all."""
    if in_features > _GROUP_SIZE:
        for size in range(_GROUP_SIZE, 0, -_SMALLEST_GROUP_SIZE):
            if in_features % size == 0:
                return size
    return in_features


@dataclass(frozen=True, slots=True)
class Int4Weight:
    """A QuantizedWeight."""

    data: torch.Tensor
    """[out_features, in_features] uint8 from 0 to 15."""
    scale: torch.Tensor
    """[out_features, num_groups] fp32."""
    shift: torch.Tensor
    """[out_features, num_groups] fp32: weight = data * scale - shift."""

    @classmethod
    def quantize(cls, weight: torch.Tensor, group_size: int | None = None) -> "Int4Weight":
        """weight [out_features, in_features] float; the same bits as quanto's from fp32. A
        `group_size` divides in_features; None: as quanto chooses it."""
        group_size = group_size or group_size_of(weight.shape[1])
        num_groups = weight.shape[1] // group_size
        data = torch.empty(weight.shape, dtype=torch.uint8, device=weight.device)
        scale, shift = torch.empty(2, len(weight), num_groups, device=weight.device)
        for rows in row_blocks(weight):
            groups = weight[rows].float().view(-1, num_groups, group_size)
            low, high = groups.aminmax(dim=2)
            scale[rows], shift[rows] = (high - low) / _LARGEST, -low
            # A group of equal weights has scale 0; 0 / 0 would be NaN.
            divisor = scale[rows].masked_fill(scale[rows] == 0, 1.0)
            quotients = (groups - low[:, :, None]) / divisor[:, :, None]
            data[rows] = quotients.round_().clamp_(0, _LARGEST).flatten(1)
        return cls(data, scale, shift)

    @classmethod
    def stack(cls, parts: Sequence["Int4Weight"]) -> "Int4Weight":
        """One matrix whose rows are those of all `parts`, which have inputs and groups alike."""
        return cls(
            torch.cat([part.data for part in parts]),
            torch.cat([part.scale for part in parts]),
            torch.cat([part.shift for part in parts]),
        )

    @property
    def shape(self) -> tuple[int, int]:
        out_features, in_features = self.data.shape
        return out_features, in_features

    @property
    def group_size(self) -> int:
        """Inputs that share a scale."""
        return self.data.shape[1] // self.scale.shape[1]

    def map_rows(self, change: Callable[[torch.Tensor], torch.Tensor]) -> "Int4Weight":
        return Int4Weight(change(self.data), change(self.scale), change(self.shift))

    def dequantize(self) -> torch.Tensor:
        """[out_features, in_features] fp32."""
        groups = self.data.view(*self.scale.shape, -1)
        return (groups * self.scale[:, :, None]).sub_(self.shift[:, :, None]).flatten(1)

    def pack(self) -> PackedWeight:
        signed = self.data.to(torch.int8) - 8
        return pack_int4(signed, self.scale, 8 * self.scale - self.shift)
