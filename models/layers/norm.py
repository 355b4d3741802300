"""Root mean square layer normalisation (Zhang and Sennrich 2019)."""

import torch
from torch.nn import functional as F

from models.kernels import library
from models.kernels.triton import support


class RMSNorm:
    """x / rms(x) * weight over the last dimension, computed in fp32 whatever x's dtype.

    `weight` is [dim], or [num_heads, dim] to give every head its own.
    """

    __slots__ = ("_dim", "eps", "weight")

    def __init__(self, weight: torch.Tensor, eps: float) -> None:
        self.weight = weight.float()
        self._dim = (weight.shape[-1],)
        self.eps = eps

    def __call__(self, x: torch.Tensor, residual: torch.Tensor | None = None) -> torch.Tensor:
        """x, residual [..., dim] -> the norm of x, plus residual; freshly allocated, of x's
        dtype."""
        if self._has_kernel(x):
            y: torch.Tensor = torch.ops.kamado.rms_norm.default(x, self.weight, self.eps, residual)
            return y
        if x.dim() == 2 and self.weight.dim() == 1 and support.runs_on(x.device):
            from models.kernels.triton.rms_norm import rms_norm

            return rms_norm(x.contiguous(), self.weight, self.eps, residual)
        normed = F.rms_norm(x.float(), self._dim, None, self.eps).mul_(self.weight).to(x.dtype)
        return normed if residual is None else normed.add_(residual)

    def _has_kernel(self, x: torch.Tensor) -> bool:
        return (
            x.dim() == 2
            and self.weight.dim() == 1
            and x.dtype == torch.float32
            and x.device.type == "cpu"
            and x.is_contiguous()
            and library.is_loaded()
        )
