"""What the operators of `torch.ops.kamado` compute, and the shapes of their results.

The arithmetic is in source/. The functions here are the operators' fakes: they allocate results
without computing them, for tracing and for torch's checks.
"""

import torch


def register_fakes() -> None:
    """Once, when the library has been loaded."""
    for name, fake in _FAKES.items():
        torch.library.register_fake(f"kamado::{name}", fake)


def _linear(
    x: torch.Tensor,
    words: torch.Tensor,
    scale: torch.Tensor | None,
    shift: torch.Tensor | None,
    bias: torch.Tensor | None,
    residual: torch.Tensor | None,
    norm_weight: torch.Tensor | None,
    norm_eps: float,
    format: int,
    activation: int,
    out_features: int,
    max_direct_rows: int,
    quantizes_inputs: bool = False,
) -> torch.Tensor:
    """y = x W^T + bias + residual, or activation(gate) * up, all fp32: [rows, out_features].

    x [rows, in_features] is first normalised by its root mean square where `norm_weight`
    [in_features] is given. words, scale and shift are those of a `PackedWeight` of `format`; bias
    is padded like its rows. `activation` is numbered as in kernels.h; other than 0, the first half
    of every panel gates its second. Up to `max_direct_rows` rows the weight is unpacked in
    registers, above into the cache, with the same result. `quantizes_inputs` rounds x to int8 in
    groups of inputs first, where `multiplies_bytes()`.
    """
    return x.new_empty(len(x), out_features)


_FAKES = {"linear": _linear}
