"""x W^T + b over a quantised weight on Triton's kernels: few bits are read, none are rounded again.

Imports Triton; `linear_factory.py` imports this only where its kernels run.
"""

import torch

from models.kernels.triton.weight_only import multiply_groups, multiply_rows, pack_groups
from models.quantization.float8_weight import Float8Weight
from models.quantization.int4_weight import Int4Weight
from models.quantization.int8_weight import Int8Weight


class RowScaledProduct:
    """A Product with eight bits per number and a scale per row."""

    __slots__ = ("_bias", "_weight")

    def __init__(self, weight: Int8Weight | Float8Weight, bias: torch.Tensor | None = None) -> None:
        self._weight = weight.map_rows(torch.Tensor.contiguous)
        self._bias = bias

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return multiply_rows(x, self._weight.data, self._weight.scale, self._bias)


class GroupScaledProduct:
    """A Product with four bits per number, a scale and a shift per group; its size must be one that
    `packs_groups`."""

    __slots__ = ("_bias", "_codes", "_scale", "_shift")

    def __init__(self, weight: Int4Weight, bias: torch.Tensor | None = None) -> None:
        self._codes = pack_groups(weight.data, weight.group_size)
        self._scale = weight.scale.contiguous()
        self._shift = weight.shift.contiguous()
        self._bias = bias

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return multiply_groups(x, self._codes, self._scale, self._shift, self._bias)
