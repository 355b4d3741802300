"""A Linear on the CPU kernels: norm, product, bias, gate and residual in one operator."""

import torch

from models.kernels.packed_weight import GATE_ROWS, PANEL, PackedWeight, pad_rows
from models.layers.crossing import max_direct_rows
from models.layers.norm import RMSNorm

_ACTIVATIONS = {None: 0, "silu": 1, "gelu": 2, "gelu_pytorch_tanh": 3}
"""As numbered in `kernels.h`."""


class PackedLinear:
    """A Linear over packed weights and fp32 activations. Every row's result is the same bits in any
    batch."""

    __slots__ = (
        "_activation",
        "_bias",
        "_max_direct_rows",
        "_out_features",
        "_quantizes_inputs",
        "_weight",
    )

    def __init__(
        self,
        weight: PackedWeight,
        out_features: int,
        bias: torch.Tensor | None = None,
        activation: str | None = None,
        *,
        quantizes_inputs: bool = False,
    ) -> None:
        """With `activation` the weight's rows, and the bias, are as `interleave_gate` orders them
        and out_features counts what the gate lets through. `quantizes_inputs` rounds inputs to
        int8, in groups with a scale each, for the arithmetic of bytes; it needs a quantised weight
        and `multiplies_bytes()`."""
        self._weight = weight
        self._out_features = out_features
        self._bias = None if bias is None else pad_rows(bias.float(), PANEL)
        self._activation = _ACTIVATIONS[activation]
        self._quantizes_inputs = quantizes_inputs
        self._max_direct_rows = 0 if quantizes_inputs else max_direct_rows(weight.format)

    def __call__(
        self,
        x: torch.Tensor,
        *,
        norm: RMSNorm | None = None,
        residual: torch.Tensor | None = None,
    ) -> torch.Tensor:
        weight = self._weight
        y: torch.Tensor = torch.ops.kamado.linear.default(
            x,
            weight.words,
            weight.scale,
            weight.shift,
            self._bias,
            residual,
            None if norm is None else norm.weight,
            0.0 if norm is None else norm.eps,
            weight.format,
            self._activation,
            self._out_features,
            self._max_direct_rows,
            self._quantizes_inputs,
        )
        return y


def interleave_gate(rows: torch.Tensor) -> torch.Tensor:
    """rows [2 * n, ...], the gate's half first -> GATE_ROWS of the gate, then the rows that they
    gate, and so on; both halves are padded with zeros to whole groups."""
    gate, up = (pad_rows(half, GATE_ROWS) for half in rows.chunk(2))
    groups = (-1, GATE_ROWS, *rows.shape[1:])
    return torch.stack((gate.view(groups), up.view(groups)), dim=1).flatten(0, 2)
