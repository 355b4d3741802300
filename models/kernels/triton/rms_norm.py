"""Root mean square layer normalisation in one launch; see `models/layers/norm.py`."""

import torch
import triton
import triton.language as tl


@triton.jit
def _rms_norm(
    x, weight, residual, y, size, eps, HAS_RESIDUAL: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    """A program normalises a row."""
    row = tl.program_id(0).to(tl.int64) * size
    columns = tl.arange(0, BLOCK)
    inside = columns < size
    values = tl.load(x + row + columns, mask=inside, other=0.0).to(tl.float32)
    inverse = tl.rsqrt(tl.sum(values * values, axis=0) / size + eps)
    factors = tl.load(weight + columns, mask=inside, other=0.0)
    normed = (values * inverse * factors).to(y.dtype.element_ty)
    if HAS_RESIDUAL:
        normed += tl.load(residual + row + columns, mask=inside, other=0.0)
    tl.store(y + row + columns, normed, mask=inside)


def rms_norm(
    x: torch.Tensor, weight: torch.Tensor, eps: float, residual: torch.Tensor | None
) -> torch.Tensor:
    """x, residual [rows, size], contiguous, weight [size] fp32 -> x / rms(x) * weight, rounded to
    x's dtype, + residual: [rows, size], freshly allocated."""
    y = torch.empty_like(x)
    num_rows, size = x.shape
    block = triton.next_power_of_2(size)
    _rms_norm[(num_rows,)](
        x, weight, residual, y, size, eps,
        HAS_RESIDUAL=residual is not None, BLOCK=block, num_warps=8 if block >= 4096 else 4,
    )  # fmt: skip
    return y
