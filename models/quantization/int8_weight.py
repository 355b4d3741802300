"""Symmetric int8 weights with one scale per output row: the qint8 algorithm of optimum-quanto.

Knows nothing of files (`quanto_format.py`) or of how the product is computed (`int8_linear.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

_LARGEST = 127


@dataclass(frozen=True, slots=True)
class Int8Weight:
    data: torch.Tensor
    """[out_features, in_features] int8."""
    scale: torch.Tensor
    """[out_features] fp32: weight = data * scale."""

    @classmethod
    def quantize(cls, weight: torch.Tensor) -> "Int8Weight":
        """weight [out_features, in_features] float; the same bits as quanto's from fp32."""
        weight = weight.float()
        scale = weight.abs().amax(dim=1, keepdim=True).div_(_LARGEST)
        # A row of zeros has scale 0; 0 / 0 would be NaN.
        data = torch.where(scale > 0, weight / scale, 0.0).round_().clamp_(-128, 127)
        return cls(data.to(torch.int8), scale.squeeze(1))

    @classmethod
    def stack(cls, parts: Sequence["Int8Weight"]) -> "Int8Weight":
        """One matrix whose rows are those of all `parts`; exact, since scales are per row."""
        return cls(
            torch.cat([part.data for part in parts]), torch.cat([part.scale for part in parts])
        )

    def dequantize(self) -> torch.Tensor:
        """[out_features, in_features] fp32."""
        return self.data * self.scale[:, None]

    def to(self, device: torch.device) -> "Int8Weight":
        return Int8Weight(self.data.to(device), self.scale.to(device))
