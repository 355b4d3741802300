"""float8 weights (e4m3) with one scale per output row: the qfloat8 algorithm of optimum-quanto.

A CPU, and what knows float8 as a format to store alone, runs it as bf16, which holds every float8
exactly and rounds its product with a scale far below float8's own steps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from models.quantization.quantized_weight import row_blocks

LARGEST = torch.finfo(torch.float8_e4m3fn).max


@dataclass(frozen=True, slots=True)
class Float8Weight:
    data: torch.Tensor
    """[out_features, in_features] float8_e4m3fn."""
    scale: torch.Tensor
    """[out_features] fp32: weight = data * scale."""

    @classmethod
    def quantize(cls, weight: torch.Tensor) -> "Float8Weight":
        """weight [out_features, in_features] float; the same bits as quanto's from fp32."""
        data = torch.empty(weight.shape, dtype=torch.float8_e4m3fn, device=weight.device)
        scale = torch.empty(len(weight), device=weight.device)
        for rows in row_blocks(weight):
            block = weight[rows].float()
            scale[rows] = block.abs().amax(dim=1).div_(LARGEST)
            # A row of zeros has scale 0; 0 / 0 would be NaN.
            divisor = scale[rows].masked_fill(scale[rows] == 0, 1.0)
            data[rows] = (block / divisor[:, None]).clamp_(-LARGEST, LARGEST).to(data.dtype)
        return cls(data, scale)

    @classmethod
    def stack(cls, parts: Sequence["Float8Weight"]) -> "Float8Weight":
        """One matrix whose rows are those of all `parts`."""
        # torch concatenates no float8 on every device; bytes it does.
        data = torch.cat([part.data.view(torch.uint8) for part in parts])
        return cls(data.view(torch.float8_e4m3fn), torch.cat([part.scale for part in parts]))

    def map_rows(self, change: Callable[[torch.Tensor], torch.Tensor]) -> "Float8Weight":
        return Float8Weight(change(self.data), change(self.scale))

    @property
    def shape(self) -> tuple[int, int]:
        out_features, in_features = self.data.shape
        return out_features, in_features

    def dequantize(self) -> torch.Tensor:
        """[out_features, in_features] bf16."""
        weight = torch.empty(self.shape, dtype=torch.bfloat16, device=self.data.device)
        for rows in row_blocks(weight):
            weight[rows] = self.data[rows].float().mul_(self.scale[rows, None]).bfloat16()
        return weight
