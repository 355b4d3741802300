"""Attention of packed rows over the paged cache, in plain torch: any mix of decode rows and prompt
chunks, grouped queries, sliding windows, soft-capped scores."""

import torch
from torch.nn import functional as F

from models.layers.attention_plan import AttentionPlan
from models.layers.forward_batch import LayerCache


def paged_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    cache: LayerCache,
    plan: AttentionPlan,
    *,
    scale: float,
    sliding_window: int | None = None,
    softcap: float | None = None,
) -> torch.Tensor:
    """Write `key` and `value` into `cache`, then attend causally to each row's own sequence there.

    query [num_tokens, num_heads, head_dim]; key, value [num_tokens, num_kv_heads, head_dim]; heads
    of a group are adjacent. A row at position p sees p - sliding_window + 1 ... p. `softcap` c
    turns a score s into c * tanh(s / c) (Gemma 2, §2). Returns [num_tokens, num_heads, head_dim].
    """
    keys, values = (half.flatten(0, 1) for half in cache)  # [num_slots, num_kv_heads, head_dim]
    keys.index_copy_(0, plan.slot_mapping, key)
    values.index_copy_(0, plan.slot_mapping, value)

    num_tokens, num_heads, head_dim = query.shape
    num_kv_heads = keys.shape[1]
    query = query.view(num_tokens, num_kv_heads, num_heads // num_kv_heads, head_dim)
    output = torch.empty_like(query, memory_format=torch.contiguous_format)
    reach = plan.reaches[sliding_window]

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

    return output.view(num_tokens, num_heads, head_dim)


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
