"""A product whose inputs are divided among the ranks: each has a part of every sum (Shoeybi et al.
2019, section 3)."""

import torch

from models.layers.linear import Linear
from models.layers.norm import RMSNorm
from models.parallel.ranks import Ranks


class SummedLinear:
    """A Linear around this rank's. Its inputs are what the ranks before it hold apart, so it takes
    no norm of them; the bias belongs to rank 0's alone."""

    __slots__ = ("_linear", "_ranks")

    def __init__(self, linear: Linear, ranks: Ranks) -> None:
        self._linear = linear
        self._ranks = ranks

    def __call__(
        self,
        x: torch.Tensor,
        *,
        norm: RMSNorm | None = None,
        residual: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """x [num_rows, this rank's inputs] -> all ranks' sum [num_rows, out_features], on each."""
        assert norm is None, "a norm needs all inputs"
        own_residual = residual if self._ranks.rank == 0 else None
        return self._ranks.sum(self._linear(x, residual=own_residual))
