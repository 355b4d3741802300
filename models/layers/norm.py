"""Root mean square layer normalisation (Zhang and Sennrich 2019)."""

import torch
from torch.nn import functional as F


class RMSNorm:
    """x / rms(x) * weight over the last dimension, computed in fp32 whatever x's dtype.

    `weight` is [dim], or [num_heads, dim] to give every head its own.
    """

    __slots__ = ("_dim", "eps", "weight")

    def __init__(self, weight: torch.Tensor, eps: float) -> None:
        self.weight = weight.float()
        self._dim = (weight.shape[-1],)
        self.eps = eps

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """x [..., dim] -> the same shape and dtype, freshly allocated."""
        return F.rms_norm(x.float(), self._dim, None, self.eps).mul_(self.weight).to(x.dtype)
