"""Attention over the paged cache against attention written out row by row."""

import random
from dataclasses import replace

import pytest
import torch

from models.kernels import library
from models.layers import attention_plan
from models.layers.attention import attention
from models.layers.attention_plan import AttentionPlan
from models.layers.forward_batch import ForwardBatch

NUM_HEADS, NUM_KV_HEADS, HEAD_DIM, BLOCK_SIZE, SCALE = 6, 2, 16, 4, 0.3

MIXES = {
    "decodes": [(1, 9), (1, 1), (1, 40)],
    "decodes of very different lengths": [(1, 3), (1, 700), (1, 290), (1, 301)],
    "whole prompt": [(30, 30)],
    "chunk after a cached prefix": [(5, 33)],
    "long chunk in tiles": [(70, 100)],
    "everything": [(1, 20), (7, 7), (1, 5), (50, 90), (3, 17), (1, 64)],
}
"""(new tokens, context) per sequence."""


def expected(query, keys, values, context_len, window, softcap):
    """query [n, num_heads, head_dim] are the last n rows of a context of `context_len` keys."""
    group_size = NUM_HEADS // NUM_KV_HEADS
    rows = []
    for i, row in enumerate(query):
        stop = context_len - len(query) + i + 1
        start = 0 if window is None else max(0, stop - window)
        k = keys[start:stop].repeat_interleave(group_size, dim=1)
        v = values[start:stop].repeat_interleave(group_size, dim=1)
        scores = torch.einsum("hd,khd->hk", row, k) * SCALE
        if softcap is not None:
            scores = softcap * torch.tanh(scores / softcap)
        rows.append(torch.einsum("hk,khd->hd", scores.softmax(-1), v))
    return torch.stack(rows)


class Case:
    """Random queries, keys and values of a mix, its cache filled up to each sequence's prefix."""

    def __init__(self, mix, device):
        generator = torch.Generator().manual_seed(0)
        blocks = list(range(sum(-(-context // BLOCK_SIZE) for _, context in mix) + 3))
        random.Random(0).shuffle(blocks)
        size = (len(blocks), BLOCK_SIZE, NUM_KV_HEADS, HEAD_DIM)
        self.cache = (torch.full(size, torch.nan), torch.full(size, torch.nan))
        self.contexts, tables = [], []
        slots, positions = list[int](), list[int]()
        for num_new, context in mix:
            k, v = torch.randn(2, context, NUM_KV_HEADS, HEAD_DIM, generator=generator)
            self.contexts.append((k, v))
            table = [blocks.pop() for _ in range(-(-context // BLOCK_SIZE))]
            tables.append(table)
            where = [table[p // BLOCK_SIZE] * BLOCK_SIZE + p % BLOCK_SIZE for p in range(context)]
            prefix = torch.tensor(where[: context - num_new], dtype=torch.int64)
            self.cache[0].flatten(0, 1)[prefix] = k[: context - num_new]
            self.cache[1].flatten(0, 1)[prefix] = v[: context - num_new]
            slots += where[context - num_new :]
            positions += range(context - num_new, context)
        starts = [sum(n for n, _ in mix[:i]) for i in range(len(mix) + 1)]
        widest = max(map(len, tables))
        self.query = torch.randn(starts[-1], NUM_HEADS, HEAD_DIM, generator=generator)
        self.new_keys, self.new_values = (
            torch.cat([pair[half][-n:] for pair, (n, _) in zip(self.contexts, mix, strict=True)])
            for half in (0, 1)
        )
        self.batch = ForwardBatch(
            input_ids=torch.zeros(starts[-1], dtype=torch.int64),
            positions=torch.tensor(positions),
            slot_mapping=torch.tensor(slots),
            block_tables=torch.tensor(
                [table + [0] * (widest - len(table)) for table in tables], dtype=torch.int32
            ),
            query_starts=tuple(starts),
            context_lens=tuple(context for _, context in mix),
        )
        self.cache = tuple(half.to(device) for half in self.cache)
        on_device = {
            field: getattr(self.batch, field).to(device)
            for field in ("input_ids", "positions", "slot_mapping", "block_tables")
        }
        self.batch = replace(self.batch, **on_device)

    def attend(self, window, softcap):
        packed = torch.cat((self.query, self.new_keys, self.new_values), dim=1).flatten(1)
        attended = attention(
            packed.to(self.batch.positions.device),
            self.cache,
            AttentionPlan(self.batch, self.cache),
            scale=SCALE,
            sliding_window=window,
            softcap=softcap,
        )
        return attended.view(self.query.shape).cpu()

    def expected(self, window, softcap):
        starts = self.batch.query_starts
        return torch.cat(
            [
                expected(self.query[start:stop], k, v, len(k), window, softcap)
                for (k, v), start, stop in zip(self.contexts, starts[:-1], starts[1:], strict=True)
            ]
        )


@pytest.fixture(params=["kernels", "torch", "triton"], autouse=True)
def backend(request, monkeypatch):
    if request.param == "triton":
        request.getfixturevalue("triton_device")
    elif request.param == "torch":
        monkeypatch.setattr(library, "is_loaded", lambda: False)
        monkeypatch.setattr(attention_plan, "TILE_ROWS", 16)
    return request.param


@pytest.fixture
def make_case(request, backend):
    device = request.getfixturevalue("triton_device") if backend == "triton" else "cpu"
    return lambda mix: Case(mix, device)


@pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES)
@pytest.mark.parametrize("window", [None, 1, 8, 1000])
@pytest.mark.parametrize("softcap", [None, 2.0])
def test_equals_attention_row_by_row(make_case, mix, window, softcap):
    """Unwritten slots hold NaN, so this also proves that none is ever read."""
    case = make_case(mix)
    output = case.attend(window, softcap)
    torch.testing.assert_close(output, case.expected(window, softcap), atol=1e-5, rtol=1e-5)


def test_new_keys_and_values_are_in_the_cache_afterwards(make_case):
    case = make_case(MIXES["everything"])
    case.attend(None, None)
    slots = case.batch.slot_mapping
    assert torch.equal(case.cache[0].flatten(0, 1)[slots].cpu(), case.new_keys)
    assert torch.equal(case.cache[1].flatten(0, 1)[slots].cpu(), case.new_values)


def test_nan_stays_in_its_own_sequence(make_case):
    case = make_case(MIXES["everything"])
    case.new_keys[0] = torch.nan  # the first row is a decode of its own sequence
    output = case.attend(None, None)
    assert output[0].isnan().all()
    assert output[1:].isfinite().all()


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_no_gather_outgrows_its_limit(make_case, monkeypatch):
    monkeypatch.setattr(attention_plan, "GROUP_TOKENS", 512)
    case = make_case([(1, 200)] * 5)
    plan = AttentionPlan(case.batch, case.cache)
    assert [len(group.slots) for group in plan.reach(None).groups] == [400, 400, 200]
    torch.testing.assert_close(case.attend(None, None), case.expected(None, None))
