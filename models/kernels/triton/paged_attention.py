"""Attention of packed rows over the paged cache, in tiles: a few rows of one sequence, with all the
query heads that share a key head, against that sequence's keys in order (Dao et al. 2022).

A tile of one row is a decoding sequence. There are few of those, so their keys are divided among
several programs, whose results a second launch merges (flash decoding).
"""

from dataclasses import dataclass

import torch
import triton
import triton.language as tl

from models.kernels.triton.head_preparation import scales_of
from models.kernels.triton.support import SMALLEST_DOT

MOST_SPLITS = 32
ENOUGH_PROGRAMS = 264
"""Two for each multiprocessor of a Hopper card. A constant: a captured graph keeps its grid."""


@triton.jit
def _attend(
    query, keys, values, key_scales, value_scales, positions, tables, tiles,
    output, maxima, sums,
    num_heads, num_kv_heads, head_dim, stored_dim, block_size, max_blocks,
    scale, window, softcap,
    GROUP: tl.constexpr, IS_INT8: tl.constexpr, HAS_WINDOW: tl.constexpr, CAPS: tl.constexpr,
    NUM_SPLITS: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """A program takes one tile, key head and split. Its BLOCK_M rows are the tile's tokens times
    the GROUP query heads of the key head."""
    tile = tl.program_id(0)
    kv_head = tl.program_id(1)
    split = tl.program_id(2)
    first_row = tl.load(tiles + tile * 3)
    num_rows = tl.load(tiles + tile * 3 + 1)
    sequence = tl.load(tiles + tile * 3 + 2).to(tl.int64)

    m = tl.arange(0, BLOCK_M)
    dims = tl.arange(0, BLOCK_D)
    in_head = dims < head_dim
    is_row = m < num_rows * GROUP
    row = (first_row + m // GROUP).to(tl.int64)
    head = kv_head * GROUP + m % GROUP
    place = row * num_heads + head
    q = tl.load(
        query + place[:, None] * head_dim + dims[None, :],
        mask=is_row[:, None] & in_head[None, :], other=0.0,
    )  # fmt: skip
    position = tl.load(positions + row, mask=is_row, other=0)

    stop = tl.load(positions + first_row + num_rows - 1).to(tl.int32) + 1
    start = 0
    if HAS_WINDOW:
        start = tl.maximum(tl.load(positions + first_row).to(tl.int32) - window + 1, 0)
    if NUM_SPLITS > 1:
        span = tl.cdiv(stop - start, NUM_SPLITS * BLOCK_N) * BLOCK_N
        start += split * span
        stop = tl.minimum(stop, start + span)

    highest = tl.full([BLOCK_M], float("-inf"), tl.float32)
    total = tl.zeros([BLOCK_M], tl.float32)
    attended = tl.zeros([BLOCK_M, BLOCK_D], tl.float32)
    for first in range(start, stop, BLOCK_N):
        n = first + tl.arange(0, BLOCK_N)
        exists = n < stop
        block = tl.load(tables + sequence * max_blocks + n // block_size, mask=exists, other=0)
        slot = (block.to(tl.int64) * block_size + n % block_size) * num_kv_heads + kv_head
        where = slot[:, None] * stored_dim + dims[None, :]
        mask = exists[:, None] & in_head[None, :]
        key = tl.load(keys + where, mask=mask, other=0.0).to(q.dtype)
        scores = tl.dot(q, tl.trans(key), input_precision="ieee") * scale
        if IS_INT8:
            scale_place = (slot * stored_dim + head_dim) // 4
            scores *= tl.load(key_scales + scale_place, mask=exists, other=0.0)[None, :]
        if CAPS:
            scores = softcap * (2.0 * tl.sigmoid(2.0 * scores / softcap) - 1.0)
        seen = (n[None, :] <= position[:, None]) & exists[None, :]
        if HAS_WINDOW:
            seen = seen & (n[None, :] > position[:, None] - window)
        scores = tl.where(seen, scores, float("-inf"))

        higher = tl.maximum(highest, tl.max(scores, axis=1))
        # A row may have seen nothing so far: -inf less -inf is NaN.
        reference = tl.where(higher == float("-inf"), 0.0, higher)
        shrink = tl.exp(highest - reference)
        weights = tl.exp(scores - reference[:, None])
        total = total * shrink + tl.sum(weights, axis=1)
        value = tl.load(values + where, mask=mask, other=0.0).to(q.dtype)
        if IS_INT8:
            weights *= tl.load(value_scales + scale_place, mask=exists, other=0.0)[None, :]
        products = tl.dot(weights.to(q.dtype), value, input_precision="ieee")
        attended = attended * shrink[:, None] + products
        highest = higher

    if NUM_SPLITS == 1:
        attended /= tl.where(total == 0.0, 1.0, total)[:, None]
    else:
        place = place * NUM_SPLITS + split
        tl.store(maxima + place, highest, mask=is_row)
        tl.store(sums + place, total, mask=is_row)
    tl.store(
        output + place[:, None] * head_dim + dims[None, :],
        attended.to(output.dtype.element_ty), mask=is_row[:, None] & in_head[None, :],
    )  # fmt: skip


@triton.jit
def _merge(
    parts, maxima, sums, tiles, output, num_heads, head_dim,
    NUM_SPLITS: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """A program merges the splits of one row's head."""
    row = tl.load(tiles + tl.program_id(0) * 3).to(tl.int64)
    place = row * num_heads + tl.program_id(1)
    splits = place * NUM_SPLITS + tl.arange(0, NUM_SPLITS)
    dims = tl.arange(0, BLOCK_D)
    in_head = dims < head_dim
    highest = tl.load(maxima + splits)
    shrink = tl.exp(highest - tl.max(highest, axis=0))
    total = tl.sum(tl.load(sums + splits) * shrink, axis=0)
    part = tl.load(parts + splits[:, None] * head_dim + dims[None, :], mask=in_head[None, :])
    merged = tl.sum(part * shrink[:, None], axis=0) / total
    tl.store(
        output + place * head_dim + dims, merged.to(output.dtype.element_ty), mask=in_head
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tiles:
    """Some of a batch's rows, cut into pieces that one program each can take."""

    table: torch.Tensor
    """[num_tiles, 3] int32: first row, number of rows, sequence."""
    is_decode: bool
    """Every tile has one row."""


def rows_per_tile(group_size: int) -> int:
    """Tokens of a prompt in a tile, for so many query heads per key head."""
    return max(1, _tile_height(group_size, is_decode=False) // group_size)


def attend(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    positions: torch.Tensor,
    block_tables: torch.Tensor,
    tiles: Tiles,
    output: torch.Tensor,
    *,
    scale: float,
    window: int | None,
    softcap: float | None,
    num_splits: int | None = None,
) -> None:
    """query [num_tokens, num_heads, head_dim] -> `output`, of the same shape, in the rows of
    `tiles`. A row at position p sees the keys from 0, or p - window + 1, to p.

    keys and values [num_blocks, block_size, num_kv_heads, stored_dim]; positions [num_tokens]
    int64; block_tables [num_seqs, max_blocks] int32. Nothing depends on what lies on the host but
    the number of tiles, so that a captured graph can run again over other contexts.
    """
    num_tokens, num_heads, head_dim = query.shape
    block_size, num_kv_heads, stored_dim = keys.shape[1:]
    group_size = num_heads // num_kv_heads
    if num_splits is None:
        num_splits = splits_for(len(tiles.table) * num_kv_heads) if tiles.is_decode else 1
    block_d = triton.next_power_of_2(head_dim)
    block_m = _tile_height(group_size, is_decode=tiles.is_decode)
    # What a program holds must fit its registers and the chip's memory.
    is_large = block_d * query.element_size() > 256
    is_int8 = keys.dtype == torch.int8
    parts, maxima, sums = output, None, None
    if num_splits > 1:
        size = (num_tokens, num_heads, num_splits)
        parts = torch.empty(*size, head_dim, dtype=torch.float32, device=query.device)
        maxima, sums = torch.empty(2, *size, dtype=torch.float32, device=query.device)
    _attend[(len(tiles.table), num_kv_heads, num_splits)](
        query, keys, values, scales_of(keys), scales_of(values), positions, block_tables,
        tiles.table, parts, maxima, sums,
        num_heads, num_kv_heads, head_dim, stored_dim, block_size, block_tables.shape[1],
        scale, window or 0, softcap or 0.0,
        GROUP=group_size, IS_INT8=is_int8,
        HAS_WINDOW=window is not None, CAPS=softcap is not None,
        NUM_SPLITS=num_splits, BLOCK_M=block_m, BLOCK_D=block_d,
        BLOCK_N=32 if is_large or is_int8 else 64,
        num_warps=8 if is_large and not tiles.is_decode else 4, num_stages=2 if is_large else 3,
    )  # fmt: skip
    if maxima is not None and sums is not None:
        _merge[(len(tiles.table), num_heads)](
            parts, maxima, sums, tiles.table, output, num_heads, head_dim,
            NUM_SPLITS=num_splits, BLOCK_D=block_d, num_warps=4,
        )  # fmt: skip


def splits_for(num_programs: int) -> int:
    """Into how many parts each of so many programs' keys are divided: a power of two."""
    wanted = -(-ENOUGH_PROGRAMS // num_programs)
    return min(MOST_SPLITS, int(triton.next_power_of_2(wanted)))


def _tile_height(group_size: int, *, is_decode: bool) -> int:
    """Rows of the product with keys: tokens times query heads per key head, and padding."""
    least = SMALLEST_DOT if is_decode else 64
    return max(least, int(triton.next_power_of_2(group_size)))
