"""y = x W^T + b over weights of eight or four bits, unpacked in registers: bound by memory, a
product takes as long as its weight takes to read.

Codes enter the product as they are, exactly, and their scales after it, in fp32.
"""

import torch
import triton
import triton.language as tl

from models.kernels.triton.support import SMALLEST_DOT

LARGEST_GROUP = 256


@triton.jit
def _multiply_rows(
    x, weight, scale, bias, y, num_rows, out_features, in_features,
    HAS_BIAS: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    """A program computes a tile of y; weight [out_features, in_features], a scale per row."""
    n = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    m = tl.program_id(1) * BLOCK_M + tl.arange(0, BLOCK_M)
    k = tl.arange(0, BLOCK_K)
    x_rows = x + m.to(tl.int64)[:, None] * in_features
    weight_rows = weight + n.to(tl.int64)[:, None] * in_features
    total = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
    for first in range(0, in_features, BLOCK_K):
        inside = first + k < in_features
        columns = first + k[None, :]
        a = tl.load(x_rows + columns, mask=(m < num_rows)[:, None] & inside[None, :], other=0.0)
        codes = tl.load(
            weight_rows + columns, mask=(n < out_features)[:, None] & inside[None, :], other=0.0
        )
        total += tl.dot(a, tl.trans(codes.to(a.dtype)), input_precision="ieee")
    _finish(total, scale, bias, y, m, n, num_rows, out_features, True, HAS_BIAS)


@triton.jit
def _multiply_groups(
    x, weight, scale, shift, bias, y, num_rows, out_features, in_features,
    GROUP: tl.constexpr, HAS_BIAS: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    """As above; weight [out_features, in_features / 2], packed by `pack_groups`, with a scale and
    a shift per GROUP of inputs: x (c s - t)^T = (x c^T) s - (sum of x) t."""
    n = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    m = tl.program_id(1) * BLOCK_M + tl.arange(0, BLOCK_M)
    k = tl.arange(0, BLOCK_K)
    half: tl.constexpr = GROUP // 2
    num_groups = in_features // GROUP
    x_mask = (m < num_rows)[:, None] & (k < half)[None, :]
    weight_mask = (n < out_features)[:, None] & (k < half)[None, :]
    x_rows = x + m.to(tl.int64)[:, None] * in_features + k[None, :]
    weight_rows = weight + n.to(tl.int64)[:, None] * (in_features // 2) + k[None, :]
    scale_rows = n.to(tl.int64) * num_groups
    total = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
    for group in range(num_groups):
        low = tl.load(x_rows + group * GROUP, mask=x_mask, other=0.0)
        high = tl.load(x_rows + group * GROUP + half, mask=x_mask, other=0.0)
        codes = tl.load(weight_rows + group * half, mask=weight_mask, other=0)
        s = tl.load(scale + scale_rows + group, mask=n < out_features, other=0.0)
        t = tl.load(shift + scale_rows + group, mask=n < out_features, other=0.0)
        product = tl.dot(low, tl.trans((codes & 15).to(x.dtype.element_ty)), input_precision="ieee")
        product += tl.dot(
            high, tl.trans((codes >> 4).to(x.dtype.element_ty)), input_precision="ieee"
        )
        sums = tl.sum(low.to(tl.float32), axis=1) + tl.sum(high.to(tl.float32), axis=1)
        total += product * s[None, :] - sums[:, None] * t[None, :]
    _finish(total, scale, bias, y, m, n, num_rows, out_features, False, HAS_BIAS)


@triton.jit
def _finish(
    total, scale, bias, y, m, n, num_rows, out_features,
    SCALES: tl.constexpr, HAS_BIAS: tl.constexpr,
):  # fmt: skip
    """Scale, add the bias, round, store."""
    if SCALES:
        total *= tl.load(scale + n, mask=n < out_features, other=0.0)[None, :]
    if HAS_BIAS:
        total += tl.load(bias + n, mask=n < out_features, other=0.0).to(tl.float32)[None, :]
    tl.store(
        y + m.to(tl.int64)[:, None] * out_features + n[None, :],
        total.to(y.dtype.element_ty),
        mask=(m < num_rows)[:, None] & (n < out_features)[None, :],
    )


def multiply_rows(
    x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    """x [num_rows, in_features], weight [out_features, in_features] int8 or float8_e4m3fn, scale
    [out_features] fp32 -> [num_rows, out_features] of x's dtype."""
    y, grid, block_m, block_n = _tiled(x, len(weight))
    _multiply_rows[grid](
        x.contiguous(), weight, scale, bias, y, len(x), len(weight), x.shape[1],
        HAS_BIAS=bias is not None, BLOCK_M=block_m, BLOCK_N=block_n,
        BLOCK_K=256 if block_m == SMALLEST_DOT and x.element_size() == 2 else 64,
        num_warps=4, num_stages=4 if x.element_size() == 2 else 2,
    )  # fmt: skip
    return y


def multiply_groups(
    x: torch.Tensor,
    weight: torch.Tensor,
    scale: torch.Tensor,
    shift: torch.Tensor,
    bias: torch.Tensor | None,
) -> torch.Tensor:
    """x [num_rows, in_features], weight of `pack_groups`, scale and shift [out_features,
    num_groups] fp32 -> [num_rows, out_features] of x's dtype."""
    y, grid, block_m, block_n = _tiled(x, len(weight))
    group_size = x.shape[1] // scale.shape[1]
    _multiply_groups[grid](
        x.contiguous(), weight, scale, shift, bias, y, len(x), len(weight), x.shape[1],
        GROUP=group_size, HAS_BIAS=bias is not None, BLOCK_M=block_m, BLOCK_N=block_n,
        BLOCK_K=max(SMALLEST_DOT, triton.next_power_of_2(group_size // 2)),
        num_warps=4, num_stages=4 if x.element_size() == 2 else 2,
    )  # fmt: skip
    return y


def packs_groups(group_size: int) -> bool:
    """Whether four-bit weights in groups of so many inputs can be packed and multiplied."""
    return group_size % 2 == 0 and group_size <= LARGEST_GROUP


def pack_groups(codes: torch.Tensor, group_size: int) -> torch.Tensor:
    """codes [out_features, in_features] uint8 from 0 to 15 -> [out_features, in_features / 2]: each
    group's first half in the low four bits of its bytes, its second half in the high ones."""
    low, high = codes.view(len(codes), -1, 2, group_size // 2).unbind(2)
    return (low | high << 4).flatten(1)


def _tiled(x: torch.Tensor, out_features: int) -> tuple[torch.Tensor, tuple[int, int], int, int]:
    """The result's memory, the grid, and its tiles' rows and columns: narrow where a wide one would
    leave multiprocessors without work."""
    y = torch.empty(len(x), out_features, dtype=x.dtype, device=x.device)
    block_m = min(64, max(SMALLEST_DOT, triton.next_power_of_2(len(x))))
    block_n = 16 if out_features < 4096 else 32 if out_features < 16384 else 64
    return y, (triton.cdiv(out_features, block_n), triton.cdiv(len(x), block_m)), block_m, block_n
