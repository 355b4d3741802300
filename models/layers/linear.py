"""y = x W^T + b, with what usually surrounds it: a norm before, a gate or a residual after.

The whole is one call, so that a kernel which fuses it can stand where torch computes it in parts.
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch.nn import functional as F

from models.layers.activations import ACTIVATIONS
from models.layers.norm import RMSNorm


class Linear(Protocol):
    def __call__(
        self,
        x: torch.Tensor,
        *,
        norm: RMSNorm | None = None,
        residual: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """x [num_rows, in_features], normalised first if asked, and residual [num_rows,
        out_features], added last -> freshly allocated [num_rows, out_features] of x's dtype."""
        ...


Product = Callable[[torch.Tensor], torch.Tensor]
"""x [num_rows, in_features] -> freshly allocated x W^T + b."""


class ComposedLinear:
    """A Linear from a product and torch's operators around it. With `activation`, a name of
    ACTIVATIONS, the product's first half is a gate: activation(gate) * rest is what comes out."""

    __slots__ = ("_activation", "product")

    def __init__(self, product: Product, activation: str | None = None) -> None:
        self.product = product
        self._activation = None if activation is None else ACTIVATIONS[activation]

    def __call__(
        self,
        x: torch.Tensor,
        *,
        norm: RMSNorm | None = None,
        residual: torch.Tensor | None = None,
    ) -> torch.Tensor:
        y = self.product(x if norm is None else norm(x))
        if self._activation is not None:
            gate, up = y.chunk(2, dim=-1)
            y = self._activation(gate).mul_(up)
        return y if residual is None else y.add_(residual)


class FloatProduct:
    """A Product with a float weight, in whatever layout the device multiplies fastest.

    On a CPU the weight is packed once for oneDNN. `F.linear` falls off a cliff at two rows or more:
    9728x896 at 4 rows took 4.3 ms against 0.9 packed (2 cores, AVX-512). One pack serves every row
    count, and a row's result does not depend on the rows beside it, which F.linear's does.
    """

    __slots__ = ("_bias", "_is_packed", "_weight")

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None = None) -> None:
        """weight [out_features, in_features], bias [out_features]; the caller may drop both."""
        self._is_packed = _can_pack(weight)
        self._weight = _pack(weight) if self._is_packed else weight
        self._bias = bias

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if self._is_packed:
            y: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
                x, self._weight, self._bias, "none", [], ""
            )
            return y
        return F.linear(x, self._weight, self._bias)


def _can_pack(weight: torch.Tensor) -> bool:
    return (
        weight.device.type == "cpu"
        and weight.dtype in (torch.float32, torch.bfloat16)
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    )


def _pack(weight: torch.Tensor) -> torch.Tensor:
    """The batch size is a hint for the layout; 16 was best or equal from 1 row to 256."""
    packed: torch.Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), 16)
    return packed
