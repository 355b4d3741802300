"""From the projections' output to queries and a filled cache: each query and key head normalised,
rotated, and keys and values written to their slots, rounded where the cache is. One launch."""

import torch
import triton
import triton.language as tl

from models.kernels.operators import SCALE_BYTES

LARGEST_FLOAT8 = 448.0
"""Of float8_e4m3fn, which has no infinity: beyond, a conversion is NaN on some devices."""


@triton.jit
def _prepare_heads(
    qkv, norm_weight, eps, rotation, positions, slots,
    query, keys, values, key_scales, value_scales,
    num_heads, num_kv_heads, head_dim, stored_dim, rotary_dim, largest_float8,
    HAS_NORM: tl.constexpr, ROTATES: tl.constexpr, IS_INT8: tl.constexpr, IS_FLOAT8: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """A program takes one head of one token: a query's, a key's or a value's."""
    token = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1)
    dims = tl.arange(0, BLOCK)
    inside = dims < head_dim
    source = qkv + (token * (num_heads + 2 * num_kv_heads) + head) * head_dim
    x = tl.load(source + dims, mask=inside, other=0.0).to(tl.float32)
    if head < num_heads + num_kv_heads:
        inverse = 1.0
        if HAS_NORM:
            inverse = tl.rsqrt(tl.sum(x * x, axis=0) / head_dim + eps)
            x *= inverse * tl.load(norm_weight + head * head_dim + dims, mask=inside, other=0.0)
        if ROTATES:
            half = rotary_dim // 2
            is_first = dims < half
            rotates = dims < rotary_dim
            partner = tl.where(is_first, dims + half, dims - half)
            other = tl.load(source + partner, mask=rotates, other=0.0).to(tl.float32)
            if HAS_NORM:
                factors = norm_weight + head * head_dim + partner
                other *= inverse * tl.load(factors, mask=rotates, other=0.0)
            angles = rotation + tl.load(positions + token) * rotary_dim
            angle = tl.where(is_first, dims, dims - half)
            cos = tl.load(angles + angle, mask=rotates, other=1.0).to(tl.float32)
            sin = tl.load(angles + half + angle, mask=rotates, other=0.0).to(tl.float32)
            x = x * cos + tl.where(is_first, -other, other) * sin
    if head < num_heads:
        tl.store(query + (token * num_heads + head) * head_dim + dims, x, mask=inside)
    else:
        kv_head = (head - num_heads) % num_kv_heads
        place = (tl.load(slots + token) * num_kv_heads + kv_head) * stored_dim
        # a float that an int8 cache keeps behind its bytes is the row's last
        scale_place = (place + head_dim) // 4
        is_key = head < num_heads + num_kv_heads
        if IS_INT8:
            scale = tl.max(tl.abs(x), axis=0) / 127.0
            x = tl.floor(x / tl.where(scale == 0.0, 1.0, scale) + 0.5)
            if is_key:
                tl.store(key_scales + scale_place, scale)
            else:
                tl.store(value_scales + scale_place, scale)
        if IS_FLOAT8:
            x = tl.minimum(tl.maximum(x, -largest_float8), largest_float8)
        stored = x.to(keys.dtype.element_ty)
        if is_key:
            tl.store(keys + place + dims, stored, mask=inside)
        else:
            tl.store(values + place + dims, stored, mask=inside)


def prepare_heads(
    qkv: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    positions: torch.Tensor,
    slots: torch.Tensor,
    *,
    norm_weight: torch.Tensor | None,
    norm_eps: float,
    rotation: torch.Tensor | None,
) -> torch.Tensor:
    """qkv [num_tokens, (num_heads + 2 * num_kv_heads) * head_dim] -> queries, normalised and
    rotated, [num_tokens, num_heads, head_dim].

    keys and values [num_blocks, block_size, num_kv_heads, stored_dim] get the rest at `slots`
    [num_tokens] int64. norm_weight [num_heads + num_kv_heads, head_dim] fp32; rotation
    [num_positions, rotary_dim], cosines then sines, looked up at `positions` [num_tokens] int64.
    """
    num_kv_heads, stored_dim = keys.shape[2:]
    is_int8 = keys.dtype == torch.int8
    head_dim = stored_dim - SCALE_BYTES if is_int8 else stored_dim
    num_tokens, width = qkv.shape
    num_heads = width // head_dim - 2 * num_kv_heads
    query = torch.empty(num_tokens, num_heads, head_dim, dtype=qkv.dtype, device=qkv.device)
    key_scales, value_scales = scales_of(keys), scales_of(values)
    _prepare_heads[(num_tokens, num_heads + 2 * num_kv_heads)](
        qkv.contiguous(), norm_weight, norm_eps, rotation, positions, slots,
        query, keys, values, key_scales, value_scales,
        num_heads, num_kv_heads, head_dim, stored_dim,
        0 if rotation is None else rotation.shape[1], LARGEST_FLOAT8,
        HAS_NORM=norm_weight is not None, ROTATES=rotation is not None,
        IS_INT8=is_int8, IS_FLOAT8=keys.dtype == torch.float8_e4m3fn,
        BLOCK=triton.next_power_of_2(head_dim), num_warps=1,
    )  # fmt: skip
    return query


def scales_of(cache: torch.Tensor) -> torch.Tensor | None:
    """An int8 cache's memory as fp32, in which every row's last is its scale; else None."""
    return cache.view(torch.float32) if cache.dtype == torch.int8 else None
