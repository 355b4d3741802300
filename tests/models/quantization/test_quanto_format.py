"""Checkpoints as optimum-quanto writes them, and the same weights quantised at load."""

import json

import pytest
import torch
from optimum.quanto import QuantizedModelForCausalLM, qint4, qint8
from transformers import AutoModelForCausalLM, Qwen3Config

from models.architectures.loading import load_causal_lm
from models.errors import CheckpointError, QuantizationError
from models.layers.forward_batch import ForwardBatch
from models.quantization.quanto_format import QMAP_FILE


@pytest.fixture
def original():
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=120,
        hidden_size=64,
        intermediate_size=320,  # groups of 64: 128 and 96 do not divide it
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        tie_word_embeddings=True,
    )
    return AutoModelForCausalLM.from_config(config).eval()


@pytest.fixture
def plain_folder(original, tmp_path):
    original.save_pretrained(tmp_path / "plain")
    return tmp_path / "plain"


@pytest.fixture(params=["int8", "int4"])
def scheme(request):
    return request.param


@pytest.fixture
def quanto_folder(original, plain_folder, tmp_path, scheme):
    weights = {"int8": qint8, "int4": qint4}[scheme]
    quantized = QuantizedModelForCausalLM.quantize(original, weights=weights, exclude="lm_head")
    quantized.save_pretrained(tmp_path / "quanto")
    return tmp_path / "quanto"


def hidden(model):
    shape, num_tokens, block_size = model.cache_shape, 10, 16
    size = (1, block_size, shape.num_kv_heads, shape.head_dim)
    positions = torch.arange(num_tokens)
    batch = ForwardBatch(
        input_ids=positions + 3,
        positions=positions,
        slot_mapping=positions,
        block_tables=torch.zeros(1, 1, dtype=torch.int32),
        query_starts=(0, num_tokens),
        context_lens=(num_tokens,),
    )
    caches = [(torch.zeros(size), torch.zeros(size)) for _ in range(shape.num_layers)]
    return model.forward(batch, caches)


def test_quanto_checkpoint_equals_quantising_at_load(plain_folder, quanto_folder, scheme):
    stored = load_causal_lm(quanto_folder, quantization=None)
    at_load = load_causal_lm(plain_folder, quantization=scheme)
    assert torch.equal(hidden(stored), hidden(at_load))


def test_same_as_quanto_itself(original, plain_folder, quanto_folder, scheme):
    """`original` is quantised in place once quanto_folder exists. Its int8 forward dequantises; its
    int4 one would take minutes, so there the dequantised weights are put in place."""
    if scheme == "int4":
        for name, module in tuple(original.named_modules()):
            if hasattr(module, "weight_qtype") and module.weight_qtype is not None:
                plain = torch.nn.Linear(*reversed(module.weight.shape), module.bias is not None)
                plain.weight.data = module.weight.dequantize()
                parent, _, leaf = name.rpartition(".")
                setattr(original.get_submodule(parent), leaf, plain)
    with torch.no_grad():
        expected = original(torch.arange(3, 13)[None]).logits[0]
    model = load_causal_lm(quanto_folder, quantization=None)
    found = model.logits(hidden(model))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    model = load_causal_lm(plain_folder, quantization=None)
    assert (found - model.logits(hidden(model))).abs().max() > 1e-3  # it is quantised at all


def test_other_schemes_of_quanto_are_refused(quanto_folder):
    qmap = json.loads((quanto_folder / QMAP_FILE).read_text())
    qmap["model.layers.0.mlp.up_proj"]["weights"] = "qint2"
    (quanto_folder / QMAP_FILE).write_text(json.dumps(qmap))
    with pytest.raises(QuantizationError, match=r"mlp\.up_proj has weights qint2"):
        load_causal_lm(quanto_folder, quantization=None)


def test_damaged_map_is_refused(quanto_folder):
    (quanto_folder / QMAP_FILE).write_text('["not", "a", "map"]')
    with pytest.raises(CheckpointError, match="no quantisation map"):
        load_causal_lm(quanto_folder, quantization=None)
