"""Norm, rotation and the write to the cache against the torch operators that do the same."""

import pytest
import torch

from models.layers.norm import RMSNorm
from models.layers.rotary import Rotary

NUM_TOKENS, NUM_HEADS, NUM_KV_HEADS, BLOCK_SIZE, NUM_BLOCKS = 5, 4, 2, 4, 6


def prepared(device, head_dim, cache_dtype, norm, rotation):
    """The packed heads, and what the kernel made of them: queries, cached keys, cached values."""
    from models.kernels.triton.head_preparation import prepare_heads

    stored_dim = head_dim + (4 if cache_dtype == torch.int8 else 0)
    size = (NUM_BLOCKS, BLOCK_SIZE, NUM_KV_HEADS, stored_dim)
    keys, values = (torch.zeros(size, dtype=cache_dtype, device=device) for _ in range(2))
    torch.manual_seed(0)
    heads = torch.randn(NUM_TOKENS, NUM_HEADS + 2 * NUM_KV_HEADS, head_dim)
    if cache_dtype == torch.float8_e4m3fn:
        heads = heads.to(cache_dtype).float()
    heads = heads.to(device)
    slots = torch.tensor([0, 23, 7, 8, 1], device=device)
    query = prepare_heads(
        heads.flatten(1), keys, values, positions(device), slots,
        norm_weight=norm and norm.weight, norm_eps=norm.eps if norm else 0.0,
        rotation=rotation and rotation.table,
    )  # fmt: skip
    unwritten = torch.ones(NUM_BLOCKS * BLOCK_SIZE, dtype=torch.bool, device=device)
    unwritten[slots] = False
    assert not keys.flatten(0, 1)[unwritten].float().any(), "another slot was written to"
    return heads, query, keys.flatten(0, 1)[slots], values.flatten(0, 1)[slots]


def positions(device):
    return torch.tensor([3, 40, 0, 7, 1000], device=device)


def expected(heads, norm, rotation):
    query_key, value = heads[:, :-NUM_KV_HEADS], heads[:, -NUM_KV_HEADS:]
    if norm is not None:
        query_key = norm(query_key)
    if rotation is not None:
        query_key = rotation.apply(query_key)
    return query_key[:, :NUM_HEADS], query_key[:, NUM_HEADS:], value


def dequantized(stored):
    """An int8 cache's rows with the scales behind them -> numbers."""
    scale = stored[..., -4:].contiguous().view(torch.float32)
    return stored[..., :-4].float() * scale


@pytest.mark.parametrize("head_dim", [16, 24])
@pytest.mark.parametrize("has_norm", [False, True])
@pytest.mark.parametrize("rotary_dim", [None, 8, 16])
@pytest.mark.parametrize("cache_dtype", [torch.float32, torch.int8])
def test_equals_torchs_operators(device, head_dim, has_norm, rotary_dim, cache_dtype):
    norm = rotation = None
    if has_norm:
        weight = torch.randn(NUM_HEADS + NUM_KV_HEADS, head_dim, device=device)
        norm = RMSNorm(weight, 1e-6)
    if rotary_dim is not None:
        frequencies = torch.rand(rotary_dim // 2, device=device)
        rotation = Rotary(frequencies, 1.2, torch.float32).at(positions(device), 1001)
    heads, *got = prepared(device, head_dim, cache_dtype, norm, rotation)
    query, key, value = expected(heads, norm, rotation)
    torch.testing.assert_close(got[0], query, rtol=1e-5, atol=1e-5)
    for stored, exact in ((got[1], key), (got[2], value)):
        if cache_dtype == torch.int8:
            halfstep = exact.abs().amax(-1, keepdim=True) / 254
            assert ((dequantized(stored) - exact).abs() <= halfstep * 1.001 + 1e-6).all()
        else:
            torch.testing.assert_close(stored, exact, rtol=1e-5, atol=1e-5)


def test_a_float8_cache_keeps_float8_as_it_is(device):
    """Of such numbers alone: what it rounds up to a power of two, the interpreter halves."""
    heads, _, key, value = prepared(device, 16, torch.float8_e4m3fn, None, None)
    assert torch.equal(key.float(), heads[:, NUM_HEADS:-NUM_KV_HEADS])
    assert torch.equal(value.float(), heads[:, -NUM_KV_HEADS:])


def test_what_is_zero_or_too_large_stays_finite(device):
    from models.kernels.triton.head_preparation import prepare_heads

    heads = torch.zeros(2, 3, 16, device=device)
    heads[1] = 1e6
    for dtype, stored_dim in ((torch.int8, 20), (torch.float8_e4m3fn, 16)):
        keys, values = (torch.zeros(1, 2, 1, stored_dim, dtype=dtype, device=device) for _ in "kv")
        slots = torch.arange(2, device=device)
        prepare_heads(
            heads.flatten(1), keys, values, slots, slots,
            norm_weight=None, norm_eps=0.0, rotation=None,
        )  # fmt: skip
        for cache in (keys[0, :, 0], values[0, :, 0]):
            got = dequantized(cache) if dtype == torch.int8 else cache.float()
            assert not got[0].any()
            assert (got[1] == (1e6 if dtype == torch.int8 else 448)).all()
