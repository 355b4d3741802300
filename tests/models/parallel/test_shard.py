"""How a decoder's matrices are divided: every row and input belongs to one rank, and what cannot be
divided is refused by name."""

from dataclasses import replace

import pytest
import torch

from models.architectures.decoder_spec import DecoderSpec, LayerNames
from models.errors import ParallelError, QuantizationError
from models.parallel.ranks import Ranks
from models.parallel.shard import Shard
from models.quantization.int4_weight import Int4Weight
from models.quantization.int8_weight import Int8Weight

SPEC = DecoderSpec(
    vocab_size=101,
    hidden_size=32,
    intermediate_size=288,
    num_heads=8,
    num_kv_heads=4,
    head_dim=16,
    max_model_len=64,
    layers=(),
    ropes={},
    attention_scale=0.25,
    activation="silu",
    norm_eps=1e-6,
    ties_embeddings=False,
)
FUSED = replace(SPEC, names=LayerNames(qkv=("self_attn.qkv_proj",), gate_up=("mlp.gate_up_proj",)))
OUTPUT, DOWN = SPEC.names.attention_output, SPEC.names.down
QUERY_ROWS, KV_ROWS, FEATURES = 128, 64, 288


def shards(spec, size):
    return [Shard(spec, Ranks(rank, size)) for rank in range(size)]


@pytest.mark.parametrize("size", [1, 2, 4])
def test_every_row_belongs_to_one_rank(size):
    parts = shards(SPEC, size)
    matrices = zip(
        SPEC.names.qkv + SPEC.names.gate_up,
        (QUERY_ROWS, KV_ROWS, KV_ROWS, FEATURES, FEATURES),
        strict=True,
    )
    for module, num_rows in matrices:
        rows = torch.arange(num_rows)
        assert torch.equal(torch.cat([part.rows(module)(rows) for part in parts]), rows)
    ids = torch.arange(SPEC.vocab_size)
    assert torch.equal(torch.cat([part.vocabulary_rows(ids) for part in parts]), ids)
    assert sum(part.spec.num_heads for part in parts) == SPEC.num_heads
    assert sum(part.spec.num_kv_heads for part in parts) == SPEC.num_kv_heads


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_stacked_matrix_is_divided_like_its_parts(size):
    query, key, value = (torch.arange(n) for n in (QUERY_ROWS, KV_ROWS, KV_ROWS))
    stacked = torch.cat((query, key + 1000, value + 2000))
    for apart, together in zip(shards(SPEC, size), shards(FUSED, size), strict=True):
        q, k, v = SPEC.names.qkv
        expected = torch.cat(
            (apart.rows(q)(query), apart.rows(k)(key) + 1000, apart.rows(v)(value) + 2000)
        )
        assert torch.equal(together.rows(FUSED.names.qkv[0])(stacked), expected)


@pytest.mark.parametrize("size", [2, 4])
def test_parts_of_a_product_add_up_to_it(size):
    """With the whole matrix's scales: quantised values are the same, whoever holds them."""
    torch.manual_seed(0)
    weight, x = torch.randn(24, FEATURES), torch.randn(5, FEATURES)
    for whole in (weight, Int8Weight.quantize(weight)):
        parts = [part.inputs(DOWN, whole) for part in shards(SPEC, size)]
        dense = [part if isinstance(part, torch.Tensor) else part.dequantize() for part in parts]
        expected = whole if isinstance(whole, torch.Tensor) else whole.dequantize()
        assert torch.equal(torch.cat(dense, dim=1), expected)
        starts = [0, *torch.tensor([part.shape[1] for part in dense]).cumsum(0).tolist()]
        total = sum(
            x[:, a:b] @ part.T for part, a, b in zip(dense, starts, starts[1:], strict=False)
        )
        torch.testing.assert_close(total, x @ expected.T)


def test_int4_is_divided_between_its_groups():
    weight = Int4Weight.quantize(torch.randn(6, FEATURES))  # groups of 96
    spec = replace(SPEC, num_kv_heads=3, num_heads=6)
    parts = [shard.inputs(DOWN, weight) for shard in shards(spec, 3)]
    assert [part.shape for part in parts] == [(6, 96)] * 3
    whole = torch.cat([part.dequantize() for part in parts], dim=1)
    assert torch.equal(whole, weight.dequantize())


def test_a_group_of_int4_is_not_cut():
    weight = Int4Weight.quantize(torch.randn(6, QUERY_ROWS))  # one group of all 128
    with pytest.raises(
        QuantizationError, match=r"128 inputs of self_attn\.o_proj .* groups of 128"
    ):
        shards(SPEC, 2)[0].inputs(OUTPUT, weight)


def test_inner_features_may_be_shared_unevenly():
    sizes = [part.spec.intermediate_size for part in shards(SPEC, 4)]
    assert sum(sizes) == FEATURES
    assert max(sizes) - min(sizes) == 32


@pytest.mark.parametrize("size", [3, 5, 8])
def test_heads_that_cannot_be_divided_are_refused(size):
    with pytest.raises(
        ParallelError, match=f"tensor_parallel is {size}, .* 4 key-value heads"
    ) as e:
        Shard(SPEC, Ranks(0, size))
    assert "one of 1, 2, 4." in str(e.value)


def test_features_that_cannot_be_divided_are_refused():
    with pytest.raises(ParallelError, match="32 inner features"):
        Shard(replace(SPEC, intermediate_size=32), Ranks(0, 2))
