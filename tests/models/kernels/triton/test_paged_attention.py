"""Over rounded caches, and with keys split; tests/models/layers/test_attention.py has the exact
ones."""

import pytest
import torch

NUM_KV_HEADS, BLOCK_SIZE = 2, 4


def attended(device, cache_dtype, spans, group_size, head_dim, window, softcap):
    """spans: (new tokens, context) per sequence, all of it written by the kernel. Returns what
    attention over the cache gives, and what it would give without rounding."""
    from models.kernels.triton.head_preparation import prepare_heads
    from models.kernels.triton.paged_attention import attend
    from models.layers.attention_plan import AttentionPlan
    from models.layers.forward_batch import ForwardBatch

    torch.manual_seed(0)
    num_heads = NUM_KV_HEADS * group_size
    widest = max(-(-context // BLOCK_SIZE) for _, context in spans)
    stored_dim = head_dim + (4 if cache_dtype == torch.int8 else 0)
    size = (widest * len(spans), BLOCK_SIZE, NUM_KV_HEADS, stored_dim)
    cache = tuple(torch.zeros(size, dtype=cache_dtype, device=device) for _ in "kv")
    tables = torch.arange(size[0] - 1, -1, -1, dtype=torch.int32).view(len(spans), widest)
    positions, slots, rows, expected = [], [], [], []
    packed = []
    for table, (num_new, context) in zip(tables.tolist(), spans, strict=True):
        heads = torch.randn(context, num_heads + 2 * NUM_KV_HEADS, head_dim)
        if cache_dtype == torch.float8_e4m3fn:  # whose rounding is not the interpreter's
            heads = heads.to(cache_dtype).float()
        offset = len(positions)
        positions += range(context)
        slots += [table[p // BLOCK_SIZE] * BLOCK_SIZE + p % BLOCK_SIZE for p in range(context)]
        rows += range(offset + context - num_new, offset + context)
        packed.append(heads)
        expected.append(exact(heads, num_heads, num_new, window, softcap))
    heads = torch.cat(packed).to(device)
    where = torch.tensor([positions, slots], device=device)
    prepare_heads(
        heads[:, num_heads:].flatten(1), *cache, *where,
        norm_weight=None, norm_eps=0.0, rotation=None,
    )  # fmt: skip
    counts = [num_new for num_new, _ in spans]
    starts = tuple(sum(counts[:i]) for i in range(len(counts) + 1))
    batch = ForwardBatch(
        input_ids=where[0][rows], positions=where[0][rows], slot_mapping=where[1][rows],
        block_tables=tables.to(device), query_starts=starts,
        context_lens=tuple(context for _, context in spans),
    )  # fmt: skip
    query = heads[rows, :num_heads].contiguous()
    output = torch.full_like(query, torch.nan)
    for tiles in AttentionPlan(batch, cache).tiles(group_size):
        attend(
            query, *cache, batch.positions, batch.block_tables, tiles, output,
            scale=0.3, window=window, softcap=softcap, num_splits=4 if tiles.is_decode else 1,
        )  # fmt: skip
    return output.cpu(), torch.cat(expected)


def exact(heads, num_heads, num_new, window, softcap):
    group_size = num_heads // NUM_KV_HEADS
    query = heads[-num_new:, :num_heads]
    key, value = heads[:, num_heads:].repeat_interleave(group_size, dim=1).chunk(2, dim=1)
    scores = torch.einsum("qhd,khd->hqk", query, key) * 0.3
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    place = torch.arange(len(heads) - num_new, len(heads))[:, None]
    distance = place - torch.arange(len(heads))
    hidden = (distance < 0) | (distance >= (window or len(heads)))
    weights = scores.masked_fill(hidden, -torch.inf).softmax(-1)
    return torch.einsum("hqk,khd->qhd", weights, value)


@pytest.mark.parametrize(
    ("cache_dtype", "tolerance"), [(torch.int8, 0.02), (torch.float8_e4m3fn, 1e-5)]
)
@pytest.mark.parametrize(
    ("spans", "group_size", "head_dim", "window", "softcap"),
    [
        ([(1, 1), (1, 139)], 7, 16, None, None),
        ([(1, 90), (25, 30)], 3, 24, 20, 2.0),
        ([(12, 12)], 1, 16, 1, None),
    ],
)
def test_over_a_rounded_cache(
    device, cache_dtype, tolerance, spans, group_size, head_dim, window, softcap
):
    got, expected = attended(device, cache_dtype, spans, group_size, head_dim, window, softcap)
    assert got.isfinite().all()
    assert (got - expected).norm() <= tolerance * expected.norm()
