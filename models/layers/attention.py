"""Attention of packed rows over the paged cache: any mix of decode rows and prompt chunks, grouped
queries, sliding windows, soft-capped scores. On a kernel where it can be, else in plain torch."""

import torch
from torch.nn import functional as F

from models.layers.attention_plan import AttentionPlan, Reach
from models.layers.forward_batch import LayerCache
from models.layers.norm import RMSNorm
from models.layers.rotary import Rotation


def attention(
    qkv: torch.Tensor,
    cache: LayerCache,
    plan: AttentionPlan,
    *,
    scale: float,
    sliding_window: int | None = None,
    softcap: float | None = None,
    qk_norm: RMSNorm | None = None,
    rotation: Rotation | None = None,
) -> torch.Tensor:
    """Norm and rotate queries and keys, write keys and values into `cache`, then attend causally to
    each row's own sequence there.

    qkv [num_tokens, (num_heads + 2 * num_kv_heads) * head_dim]: queries, keys, values; heads of a
    group are adjacent. qk_norm's weight is [num_heads + num_kv_heads, head_dim]. A row at position
    p sees p - sliding_window + 1 ... p. `softcap` c turns a score s into c * tanh(s / c) (Gemma 2,
    §2). Returns [num_tokens, num_heads * head_dim]; a row's result is the same bits however its
    prompt was cut into chunks, if the CPU's kernel attends.
    """
    if plan.uses_triton:
        return _in_triton(qkv, cache, plan, scale, sliding_window, softcap, qk_norm, rotation)
    if plan.query_starts is None:
        return _in_torch(qkv, cache, plan, scale, sliding_window, softcap, qk_norm, rotation)
    batch = plan.batch
    attended: torch.Tensor = torch.ops.kamado.paged_attention.default(
        qkv,
        None if qk_norm is None else qk_norm.weight,
        0.0 if qk_norm is None else qk_norm.eps,
        None if rotation is None else rotation.table,
        batch.positions,
        batch.slot_mapping,
        *cache,
        batch.block_tables,
        plan.query_starts,
        plan.context_lens,
        scale,
        sliding_window or 0,
        softcap or 0.0,
    )
    return attended


def _in_triton(
    qkv: torch.Tensor,
    cache: LayerCache,
    plan: AttentionPlan,
    scale: float,
    sliding_window: int | None,
    softcap: float | None,
    qk_norm: RMSNorm | None,
    rotation: Rotation | None,
) -> torch.Tensor:
    from models.kernels.triton.head_preparation import prepare_heads
    from models.kernels.triton.paged_attention import attend

    batch = plan.batch
    query = prepare_heads(
        qkv,
        *cache,
        batch.positions,
        batch.slot_mapping,
        norm_weight=None if qk_norm is None else qk_norm.weight,
        norm_eps=0.0 if qk_norm is None else qk_norm.eps,
        rotation=None if rotation is None else rotation.table,
    )
    output = torch.empty_like(query)
    for tiles in plan.tiles(query.shape[1] // cache[0].shape[2]):
        attend(
            query,
            *cache,
            batch.positions,
            batch.block_tables,
            tiles,
            output,
            scale=scale,
            window=sliding_window,
            softcap=softcap,
        )
    return output.flatten(1)


def _in_torch(
    qkv: torch.Tensor,
    cache: LayerCache,
    plan: AttentionPlan,
    scale: float,
    sliding_window: int | None,
    softcap: float | None,
    qk_norm: RMSNorm | None,
    rotation: Rotation | None,
) -> torch.Tensor:
    num_kv_heads, head_dim = cache[0].shape[2:]
    heads = qkv.view(len(qkv), -1, head_dim)
    query_key, value = heads[:, :-num_kv_heads], heads[:, -num_kv_heads:]
    if qk_norm is not None:
        query_key = qk_norm(query_key)
    if rotation is not None:
        query_key = rotation.apply(query_key)
    query, key = query_key[:, :-num_kv_heads], query_key[:, -num_kv_heads:]
    keys, values = (half.flatten(0, 1) for half in cache)  # [num_slots, num_kv_heads, head_dim]
    keys.index_copy_(0, plan.batch.slot_mapping, key)
    values.index_copy_(0, plan.batch.slot_mapping, value)
    grouped = query.view(len(query), num_kv_heads, -1, head_dim)
    attended = _gather_and_attend(grouped, keys, values, plan.reach(sliding_window), scale, softcap)
    return attended.flatten(1)


def _gather_and_attend(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    reach: Reach,
    scale: float,
    softcap: float | None,
) -> torch.Tensor:
    """query [num_tokens, num_kv_heads, group_size, head_dim] -> the same shape."""
    num_kv_heads, _, head_dim = query.shape[1:]
    output = torch.empty_like(query, memory_format=torch.contiguous_format)
    for group in reach.groups:
        rows = query[group.rows]  # [n, num_kv_heads, group_size, head_dim]
        context = (len(rows), -1, num_kv_heads, head_dim)
        group_keys = keys.index_select(0, group.slots).view(context).transpose(1, 2)
        group_values = values.index_select(0, group.slots).view(context).transpose(1, 2)
        output[group.rows] = _attend(rows, group_keys, group_values, group.mask, scale, softcap)

    for chunk in reach.chunks:
        chunk_keys = keys.index_select(0, chunk.slots).transpose(0, 1)[:, None]
        chunk_values = values.index_select(0, chunk.slots).transpose(0, 1)[:, None]
        for tile in chunk.tiles:
            rows = query[tile.rows].permute(1, 2, 0, 3)  # [num_kv_heads, group_size, n, head_dim]
            shape = (-1, rows.shape[1], -1, -1)
            tile_keys = chunk_keys[:, :, tile.keys].expand(shape)
            tile_values = chunk_values[:, :, tile.keys].expand(shape)
            attended = _attend(rows, tile_keys, tile_values, tile.mask, scale, softcap)
            output[tile.rows] = attended.permute(2, 0, 1, 3)

    return output


def _attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor,
    scale: float,
    softcap: float | None,
) -> torch.Tensor:
    """query [a, b, n, d]; key, value [a, b, m, d]; mask, added, broadcasts to [a, b, n, m]."""
    if softcap is None:
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scale)
    scores = torch.matmul(query, key.transpose(-1, -2)).mul_(scale / softcap).tanh_().mul_(softcap)
    weights = scores.add_(mask).softmax(dim=-1, dtype=torch.float32).to(value.dtype)
    return torch.matmul(weights, value)
