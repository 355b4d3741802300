"""What the operators of `torch.ops.kamado` compute, and the shapes of their results.

The arithmetic is in source/. The functions here are the operators' fakes: they allocate results
without computing them, for tracing and for torch's checks.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch

SCALE_BYTES = 4
"""Of the scale of a token's key or value of one head, in a cache of int8."""
HEAD_DIM_MULTIPLE = 16
"""The attention kernel takes heads whose dimension is a multiple of this."""


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


def _paged_attention(
    qkv: torch.Tensor,
    norm_weight: torch.Tensor | None,
    norm_eps: float,
    rotation: torch.Tensor | None,
    positions: torch.Tensor,
    slots: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    block_tables: torch.Tensor,
    query_starts: torch.Tensor,
    context_lens: torch.Tensor,
    scale: float,
    window: int,
    softcap: float,
) -> torch.Tensor:
    """Brings the rows' keys and values into the cache, then attends causally over it (Kwon et al.
    2023, section 4.1): [num_rows, num_heads * head_dim] fp32.

    qkv [num_rows, (num_heads + 2 * num_kv_heads) * head_dim] fp32 holds queries, keys, values.
    Where given, norm_weight [num_heads + num_kv_heads, head_dim] normalises each query and key head
    by its root mean square, and rotation [num_positions, rotary_dim], cosines then sines, rotates
    it. positions and slots [num_rows] int64 say where a row stands in its sequence and where its
    key and value go in keys and values [num_blocks, block_size, num_kv_heads, head_dim] fp32;
    head_dim is a multiple of 16. An int8 cache has SCALE_BYTES more in its last dimension: each
    token's key or value of a head is rounded to 127ths of its largest number, and that 127th, fp32,
    stands behind it.

    block_tables [num_seqs, max_blocks], query_starts [num_seqs + 1] and context_lens [num_seqs],
    int32, are those of a `ForwardBatch`. A row sees `window` keys, its own included, or all where
    that is 0; scores are capped at `softcap` unless it is 0. The result is the same bits whatever
    rows stand beside a row and however its sequence came to be computed.
    """
    num_kv_heads, head_dim = keys.shape[2:]
    if keys.dtype == torch.int8:
        head_dim -= SCALE_BYTES
    return qkv.new_empty(qkv.shape[0], qkv.shape[1] - 2 * num_kv_heads * head_dim)


def _rms_norm(
    x: torch.Tensor, weight: torch.Tensor, eps: float, residual: torch.Tensor | None
) -> torch.Tensor:
    """x / rms(x) * weight + residual (Zhang and Sennrich 2019). x, residual [rows, size], weight
    [size], all fp32 and contiguous: [rows, size]."""
    return torch.empty_like(x)


def _take_rows(x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """x [n, size] fp32 or bf16, rows [m] int64 -> [m, size] fp32."""
    return x.new_empty(len(rows), x.shape[1], dtype=torch.float32)


def _argmax(logits: torch.Tensor) -> torch.Tensor:
    """logits [rows, vocab_size] fp32 -> the lowest id that has the row's largest value, -1 where
    that is infinite or the row holds a NaN: [rows] int64."""
    return logits.new_empty(len(logits), dtype=torch.int64)


def _top_k(
    logits: torch.Tensor, rows: Sequence[int], temperatures: Sequence[float], k: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """For the given rows of logits [any, vocab_size] fp32 the k largest of (logit - the row's
    maximum) / temperature in falling order, of equals the lowest id first; their ids; and the log
    of the sum of e to all of them: [n, k] fp32, [n, k] int64, [n] fp32. The logits are finite or
    -inf, and not all -inf."""
    values = logits.new_empty(len(rows), k)
    return values, values.new_empty(values.shape, dtype=torch.int64), logits.new_empty(len(rows))


def _draw(
    logits: torch.Tensor,
    rows: Sequence[int],
    temperatures: Sequence[float],
    uniforms: Sequence[float],
) -> torch.Tensor:
    """For the given rows of logits [any, vocab_size] fp32 the id at which the cumulative sum of
    e^(logit / temperature) passes that share, in [0, 1), of the whole (inverse transform sampling):
    [n] int64. The logits are finite or -inf, and not all -inf."""
    return logits.new_empty(len(rows), dtype=torch.int64)


def _mask_logits(logits: torch.Tensor, bits: torch.Tensor, rows: Sequence[int]) -> None:
    """In the given rows of logits [any, vocab_size] fp32, in place, -inf where the id's bit is 0;
    bits [n, words] int32, the lowest bit first."""


_FAKES: dict[str, Callable[..., Any]] = {
    "linear": _linear,
    "paged_attention": _paged_attention,
    "rms_norm": _rms_norm,
    "take_rows": _take_rows,
    "argmax": _argmax,
    "top_k": _top_k,
    "draw": _draw,
    "mask_logits": _mask_logits,
}
