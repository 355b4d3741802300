"""The attention kernel against attention written out in float64, and against itself in other
batches and other chunks."""

import random
from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.library import opcheck

from models.layers.norm import RMSNorm
from models.layers.rotary import Rotary

EPS = 1e-6


@dataclass(frozen=True)
class Shape:
    num_heads: int = 14
    num_kv_heads: int = 2
    head_dim: int = 64
    block_size: int = 16
    rotary_dim: int | None = None
    has_norm: bool = False
    window: int = 0
    softcap: float = 0.0
    is_int8: bool = False

    @property
    def num_columns(self):
        return (self.num_heads + 2 * self.num_kv_heads) * self.head_dim


class Layer:
    """A layer's fixed tensors."""

    def __init__(self, shape):
        generator = torch.Generator().manual_seed(1)
        rotated = shape.num_heads + shape.num_kv_heads
        weight = torch.rand(rotated, shape.head_dim, generator=generator) + 0.5
        self.shape = shape
        self.scale = shape.head_dim**-0.5
        self.norm = RMSNorm(weight, EPS) if shape.has_norm else None
        self.rotary = None
        if shape.rotary_dim is not None:
            inv_freq = 100.0 ** -torch.linspace(0, 1, shape.rotary_dim // 2)
            self.rotary = Rotary(inv_freq, 1.1, torch.float32)

    def rotation(self, num_positions):
        if self.rotary is None:
            return None
        return self.rotary.at(torch.arange(num_positions), num_positions)


def tokens(shape, count, seed):
    """A sequence's rows: [count, num_columns]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, shape.num_columns, generator=generator)


class Cache:
    """Keys and values of sequences in shuffled blocks, NaN wherever nothing was written."""

    def __init__(self, shape, lengths):
        self.shape = shape
        counts = [-(-length // shape.block_size) for length in lengths]
        blocks = list(range(sum(counts) + 2))
        random.Random(0).shuffle(blocks)
        self.tables = [[blocks.pop() for _ in range(count)] for count in counts]
        row = shape.head_dim // 4 + 1 if shape.is_int8 else shape.head_dim
        size = (sum(counts) + 2, shape.block_size, shape.num_kv_heads, row)
        self.keys, self.values = torch.full(size, torch.nan), torch.full(size, torch.nan)
        if shape.is_int8:
            self.keys, self.values = self.keys.view(torch.int8), self.values.view(torch.int8)

    def slot(self, sequence, position):
        block, offset = divmod(position, self.shape.block_size)
        return self.tables[sequence][block] * self.shape.block_size + offset


def arguments(layer, cache, work):
    """work: (sequence, its rows, first position, end) -> the operator's arguments."""
    positions = [p for _, _, start, end in work for p in range(start, end)]
    slots = [cache.slot(i, p) for i, _, start, end in work for p in range(start, end)]
    starts = [0]
    for _, _, start, end in work:
        starts.append(starts[-1] + end - start)
    widest = max(len(cache.tables[i]) for i, *_ in work)
    tables = [cache.tables[i] + [0] * (widest - len(cache.tables[i])) for i, *_ in work]
    rotation = layer.rotation(max(positions) + 1)
    return (
        torch.cat([rows[start:end] for _, rows, start, end in work]),
        None if layer.norm is None else layer.norm.weight,
        EPS,
        None if rotation is None else rotation.table,
        torch.tensor(positions),
        torch.tensor(slots),
        cache.keys,
        cache.values,
        torch.tensor(tables, dtype=torch.int32),
        torch.tensor(starts, dtype=torch.int32),
        torch.tensor([end for *_, end in work], dtype=torch.int32),
        layer.scale,
        layer.shape.window,
        layer.shape.softcap,
    )


def attend(layer, cache, work):
    return torch.ops.kamado.paged_attention(*arguments(layer, cache, work))


def in_chunks(layer, sequences, chunk):
    """Every sequence computed `chunk` rows at a time, beside the others."""
    cache = Cache(layer.shape, [len(rows) for rows in sequences])
    outputs = [[] for _ in sequences]
    for start in range(0, max(map(len, sequences)), chunk):
        work = [
            (i, rows, start, min(start + chunk, len(rows)))
            for i, rows in enumerate(sequences)
            if start < len(rows)
        ]
        output = attend(layer, cache, work)
        for (i, *_), part in zip(work, output.split([e - s for *_, s, e in work]), strict=True):
            outputs[i].append(part)
    return [torch.cat(parts) for parts in outputs]


def expected(layer, rows):
    """All rows of one sequence, in float64 and without a cache."""
    shape = layer.shape
    heads = rows.double().view(len(rows), -1, shape.head_dim)
    rotated, value = heads[:, : -shape.num_kv_heads], heads[:, -shape.num_kv_heads :]
    if layer.norm is not None:
        mean_square = rotated.square().mean(-1, keepdim=True)
        rotated = rotated * (mean_square + EPS).rsqrt() * layer.norm.weight.double()
    rotation = layer.rotation(len(rows))
    if rotation is not None:
        half = shape.rotary_dim // 2
        cos, sin = rotation.table[: len(rows), None].double().chunk(2, dim=-1)
        a, b, rest = rotated.split((half, half, shape.head_dim - 2 * half), dim=-1)
        rotated = torch.cat((a * cos - b * sin, b * cos + a * sin, rest), dim=-1)
    query, key = rotated[:, : shape.num_heads], rotated[:, shape.num_heads :]
    if shape.is_int8:
        key, value = rounded(key), rounded(value)
    group_size = shape.num_heads // shape.num_kv_heads
    key, value = (half.repeat_interleave(group_size, dim=1) for half in (key, value))
    scores = torch.einsum("nhd,khd->hnk", query, key) * layer.scale
    if shape.softcap:
        scores = shape.softcap * torch.tanh(scores / shape.softcap)
    distance = torch.arange(len(rows))[:, None] - torch.arange(len(rows))
    hidden = (distance < 0) | (distance >= (shape.window or len(rows)))
    weights = scores.masked_fill(hidden, -torch.inf).softmax(-1)
    return torch.einsum("hnk,khd->nhd", weights, value).flatten(1)


def rounded(x):
    """[..., head_dim] as an int8 cache holds it."""
    scale = x.abs().amax(-1, keepdim=True) / 127
    return (x / scale).round() * scale


def assert_equals_float64(layer, rows, output):
    # Half-way cases of a few keys may be rounded either way.
    atol = 3e-3 if layer.shape.is_int8 else 4e-6
    torch.testing.assert_close(output.double(), expected(layer, rows), atol=atol, rtol=4e-6)


QWEN2 = Shape(rotary_dim=64)
SHAPES = {
    "qwen2": QWEN2,
    "qwen3": Shape(16, 8, 128, has_norm=True, rotary_dim=128),
    "gemma2": Shape(8, 4, 256, rotary_dim=256, window=100, softcap=50.0),
    "partial rotary": Shape(6, 6, 80, 7, rotary_dim=20),
    "one key head": Shape(71, 1, 64),
    "short window": Shape(4, 2, 16, 4, window=1),
    "int8 cache": replace(QWEN2, is_int8=True),
    "int8 cache, one query head": Shape(3, 3, 80, 7, window=70, is_int8=True),
    "window across spans": Shape(9, 3, 16, 4, window=600, softcap=3.0),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_equals_attention_in_float64(instruction_set, shape):
    """Unwritten slots hold NaN, so this also proves that none is read."""
    layer = Layer(shape)
    sequences = [tokens(shape, count, seed) for seed, count in enumerate((1, 65, 700))]
    for rows, output in zip(sequences, in_chunks(layer, sequences, 1000), strict=True):
        assert_equals_float64(layer, rows, output)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_row_is_the_same_bits_in_every_chunk_and_batch(instruction_set, shape):
    """Alone and a row at a time, both sides of a tile and of a span, against all in one chunk."""
    layer = Layer(shape)
    rows = tokens(shape, 530, 0)
    together = in_chunks(layer, [rows, tokens(shape, 90, 1), tokens(shape, 3, 2)], 1000)[0]
    cache = Cache(shape, [len(rows)])
    edges = (0, 1, 63, 64, 65, 127, 510, 511, 512, 513, 529)
    start = 0
    for edge in edges:
        if edge > start:  # what comes between the edges, in a chunk
            assert torch.equal(attend(layer, cache, [(0, rows, start, edge)]), together[start:edge])
        assert torch.equal(
            attend(layer, cache, [(0, rows, edge, edge + 1)]), together[edge : edge + 1]
        )
        start = edge + 1


def test_the_number_of_threads_changes_no_bit(instruction_set):
    layer, rows = Layer(QWEN2), tokens(QWEN2, 1300, 0)
    num_threads = torch.get_num_threads()
    results = []
    try:
        for count in (1, 2, 5):  # 5 divide a decode row's spans among them, 1 takes them in turn
            torch.set_num_threads(count)
            cache = Cache(QWEN2, [len(rows)])
            chunk = attend(layer, cache, [(0, rows, 0, 1299)])
            results.append(torch.cat((chunk, attend(layer, cache, [(0, rows, 1299, 1300)]))))
    finally:
        torch.set_num_threads(num_threads)
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_shape_in_any_chunks(instruction_set, data):
    draw = data.draw
    num_kv_heads, group_size = draw(st.integers(1, 4)), draw(st.integers(1, 17))
    head_dim = draw(st.sampled_from([16, 32, 48, 80]))
    shape = Shape(
        num_kv_heads * group_size,
        num_kv_heads,
        head_dim,
        block_size=draw(st.integers(1, 40)),
        rotary_dim=draw(st.sampled_from([None, 2, 16, head_dim])),
        has_norm=draw(st.booleans()),
        window=draw(st.sampled_from([0, 1, 17, 70])),
        softcap=draw(st.sampled_from([0.0, 5.0])),
    )
    layer = Layer(shape)
    lengths = draw(st.lists(st.integers(1, 150), min_size=1, max_size=4))
    sequences = [tokens(shape, count, seed) for seed, count in enumerate(lengths)]
    whole = in_chunks(layer, sequences, 1000)
    chunked = in_chunks(layer, sequences, draw(st.integers(1, 100)))
    for rows, one, other in zip(sequences, whole, chunked, strict=True):
        assert torch.equal(one, other)
        assert_equals_float64(layer, rows, one)


def test_nan_reaches_only_the_rows_that_see_it(instruction_set):
    shape = replace(QWEN2, window=50)
    layer = Layer(shape)
    rows, others = tokens(shape, 120, 0), tokens(shape, 120, 1)
    clean = in_chunks(layer, [rows, others], 1000)
    rows[60] = torch.nan
    poisoned = in_chunks(layer, [rows, others], 1000)
    assert torch.equal(poisoned[1], clean[1])
    assert torch.equal(poisoned[0][:60], clean[0][:60])
    assert poisoned[0][60:110].isnan().all()
    assert torch.equal(poisoned[0][110:], clean[0][110:])


def test_keys_and_values_are_in_the_cache_afterwards(instruction_set):
    shape = Shape(num_heads=4, num_kv_heads=2)
    layer, rows = Layer(shape), tokens(shape, 37, 0)
    cache = Cache(shape, [len(rows)])
    attend(layer, cache, [(0, rows, 0, 37)])
    slots = torch.tensor([cache.slot(0, p) for p in range(37)])
    heads = rows.view(37, -1, shape.head_dim)
    assert torch.equal(cache.keys.flatten(0, 1)[slots], heads[:, 4:6])
    assert torch.equal(cache.values.flatten(0, 1)[slots], heads[:, 6:])


def test_an_int8_cache_holds_the_nearest_of_127_steps(instruction_set):
    shape = Shape(num_heads=4, num_kv_heads=2, is_int8=True)
    layer, rows = Layer(shape), tokens(shape, 37, 0)
    rows[3, 4 * 64 :] = 0.0
    cache = Cache(shape, [len(rows)])
    attend(layer, cache, [(0, rows, 0, 37)])
    slots = torch.tensor([cache.slot(0, p) for p in range(37)])
    stored = torch.stack((cache.keys, cache.values)).flatten(1, 2)[:, slots]
    scale = stored[..., 64:].view(torch.float32)
    exact = rows.view(37, -1, 64)[:, 4:].view(37, 2, 2, 64).transpose(0, 1)
    torch.testing.assert_close(scale, exact.abs().amax(-1, keepdim=True) / 127)
    assert ((stored[..., :64] * scale - exact).abs() <= scale * 0.5001).all()


def test_an_int8_cache_shows_what_is_not_finite(instruction_set):
    shape = replace(QWEN2, is_int8=True, window=50)
    layer, rows = Layer(shape), tokens(shape, 120, 0)
    clean = in_chunks(layer, [rows], 1000)[0]
    rows[20, -1], rows[60, -1] = torch.nan, torch.inf  # of a value
    output = in_chunks(layer, [rows], 1000)[0]
    last_head = output[:, -64:]
    assert last_head[20:110].isnan().all()
    assert torch.equal(output[:20], clean[:20])
    assert torch.equal(output[110:], clean[110:])


def test_wrong_shapes_are_refused():
    layer, rows = Layer(QWEN2), tokens(QWEN2, 5, 0)
    cache = Cache(QWEN2, [5])
    good = arguments(layer, cache, [(0, rows, 0, 5)])
    for index, bad, message in (
        (0, rows[:, :-64], "no groups of heads"),
        (4, torch.arange(4), "positions and slots"),
        (8, good[8].long(), "int32"),
        (10, torch.tensor([5, 5], dtype=torch.int32), "as many sequences"),
    ):
        with pytest.raises(RuntimeError, match=message):
            torch.ops.kamado.paged_attention(*good[:index], bad, *good[index + 1 :])


def test_the_fake_agrees_with_the_kernel():
    layer, rows = Layer(SHAPES["qwen3"]), tokens(SHAPES["qwen3"], 20, 0)
    cache = Cache(layer.shape, [20])
    cache.keys.zero_(), cache.values.zero_()
    opcheck(torch.ops.kamado.paged_attention.default, arguments(layer, cache, [(0, rows, 0, 20)]))
