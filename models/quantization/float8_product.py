"""x W^T + b of float8 inputs and float8 weights, on the arithmetic of eight bits that
`torch._scaled_mm` reaches."""

import torch

from models.layers.linear import Product
from models.quantization.float8_weight import LARGEST, Float8Weight

MULTIPLE = 16
"""Both of the weight's sizes must be a multiple of this."""
FEW_ROWS = 64
"""Up to so many rows a product is bound by the weight's bytes, and gains nothing by rounding."""


class Float8Product:
    """A Product that rounds its inputs, each row by a scale of its own, where there are more than
    FEW_ROWS of them; `exact`, over the same weight, multiplies the others."""

    __slots__ = ("_bias", "_columns", "_exact", "_scale")

    def __init__(
        self, weight: Float8Weight, bias: torch.Tensor | None = None, *, exact: Product
    ) -> None:
        self._columns = weight.data.t()
        self._scale = weight.scale[None, :].contiguous()
        self._bias = bias
        self._exact = exact

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) <= FEW_ROWS:
            return self._exact(x)
        scale = x.abs().amax(-1, keepdim=True).float().clamp_(min=1e-12).div_(LARGEST)
        codes = (x / scale).clamp_(-LARGEST, LARGEST).to(torch.float8_e4m3fn)
        y: torch.Tensor = torch._scaled_mm(
            codes, self._columns, scale_a=scale, scale_b=self._scale, out_dtype=x.dtype
        )
        return y if self._bias is None else y.add_(self._bias)


def can_multiply(shape: tuple[int, int], dtype: torch.dtype, device: torch.device) -> bool:
    """Whether a weight [out_features, in_features] and inputs of `dtype` can be multiplied so."""
    return (
        multiplies_float8(device)
        and dtype == torch.bfloat16
        and shape[0] % MULTIPLE == shape[1] % MULTIPLE == 0
    )


def multiplies_float8(device: torch.device) -> bool:
    """Whether `device` has the arithmetic: Nvidia's from Ada and Hopper on."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 9)
