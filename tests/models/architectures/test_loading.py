"""What load_causal_lm refuses, and how it says so."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, Phi3Config

from models.architectures.checkpoint import Checkpoint
from models.architectures.decoder import Decoder
from models.architectures.loading import load_causal_lm
from models.architectures.stored_tensor import tensor_digest
from models.architectures.weight_files import INDEX_FILE, SINGLE_FILE
from models.errors import (
    CardError,
    CheckpointError,
    ModelError,
    QuantizationError,
    UnsupportedModelError,
)
from models.quantization import linear_factory

LLAMA = LlamaConfig(
    vocab_size=120,
    hidden_size=64,
    intermediate_size=96,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
)


@pytest.fixture
def folder(save_checkpoint):
    return save_checkpoint(LLAMA)[0]


def edit_weights(folder, edit):
    tensors = load_file(folder / SINGLE_FILE)
    edit(tensors)
    save_file(tensors, folder / SINGLE_FILE)


def edit_config(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


def test_sharded_equals_single_file(save_checkpoint, assert_same_as_transformers):
    folder, reference = save_checkpoint(LLAMA, max_shard_size="100KB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    assert_same_as_transformers(load_causal_lm(folder, quantization=None), reference)


def test_bf16_checkpoint_is_run_in_fp32(save_checkpoint, assert_same_as_transformers):
    folder, reference = save_checkpoint(LLAMA)
    reference.to(torch.bfloat16).save_pretrained(folder)
    model = load_causal_lm(folder, quantization=None)
    assert model.cache_shape.dtype == torch.float32
    reference = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    assert_same_as_transformers(model, reference)


def test_missing_tensor(folder):
    edit_weights(folder, lambda tensors: tensors.pop("model.layers.1.mlp.up_proj.weight"))
    with pytest.raises(CheckpointError, match=r"model\.layers\.1\.mlp\.up_proj\.weight is missing"):
        load_causal_lm(folder, quantization=None)


def test_unexpected_tensor(folder):
    edit_weights(folder, lambda tensors: tensors.update({"model.extra.weight": torch.ones(3)}))
    with pytest.raises(CheckpointError, match=r"model\.extra\.weight has no place"):
        load_causal_lm(folder, quantization=None)


def test_wrong_shape(folder):
    edit_weights(folder, lambda tensors: tensors.update({"model.norm.weight": torch.ones(63)}))
    with pytest.raises(CheckpointError, match=r"model\.norm\.weight has shape \[63\].*\[64\]"):
        load_causal_lm(folder, quantization=None)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_weights_that_are_no_numbers(folder, value):
    def spoil(tensors):
        tensors["model.layers.0.self_attn.k_proj.weight"][3, 5] = value

    edit_weights(folder, spoil)
    with pytest.raises(CheckpointError, match=r"model\.safetensors: .*k_proj\.weight holds NaN"):
        load_causal_lm(folder, quantization=None)


def test_only_the_part_that_is_wanted_is_read_and_checked(folder):
    """Of a network that several processes hold, each reads its own."""
    name, shape = "model.layers.0.self_attn.k_proj.weight", (32, 64)

    def spoil(tensors):
        tensors[name][3, 5] = torch.nan

    edit_weights(folder, spoil)
    checkpoint = Checkpoint(folder)
    assert checkpoint.tensor(name, shape, lambda whole: whole[16:]).shape == (16, 64)
    with pytest.raises(CheckpointError, match=r"k_proj\.weight holds NaN"):
        checkpoint.tensor(name, shape, lambda whole: whole[:16])


def test_a_digest_is_that_of_the_whole(folder):
    name, shape = "model.layers.0.self_attn.k_proj.weight", (32, 64)
    digest = tensor_digest(Checkpoint(folder).tensor(name, shape))

    def change(tensors):
        tensors[name][3, 5] += 1

    edit_weights(folder, change)
    with pytest.raises(CardError, match="its digest differs"):
        Checkpoint(folder, {name: digest}).tensor(name, shape, lambda whole: whole[16:])


def test_truncated_file(folder):
    path = folder / SINGLE_FILE
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"model\.safetensors is damaged or cut short"):
        load_causal_lm(folder, quantization=None)


def test_missing_shard(save_checkpoint):
    folder, _ = save_checkpoint(LLAMA, max_shard_size="100KB")
    min(folder.glob("*.safetensors")).unlink()
    with pytest.raises(CheckpointError, match="is missing; the index lists it"):
        load_causal_lm(folder, quantization=None)


def test_index_that_points_elsewhere(folder):
    index = {"weight_map": {"model.norm.weight": "../elsewhere.safetensors"}}
    (folder / INDEX_FILE).write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match="points outside its folder"):
        load_causal_lm(folder, quantization=None)


def test_pickle_is_never_opened(folder):
    (folder / SINGLE_FILE).rename(folder / "pytorch_model.bin")
    with pytest.raises(UnsupportedModelError, match="only as pickle"):
        load_causal_lm(folder, quantization=None)


def test_no_weights(folder):
    (folder / SINGLE_FILE).unlink()
    with pytest.raises(CheckpointError, match="holds neither"):
        load_causal_lm(folder, quantization=None)


AUTO_MAP = {"AutoConfig": "modeling.Config", "AutoModelForCausalLM": "modeling.Model"}


def test_auto_map_is_refused_where_its_code_might_be_needed(save_checkpoint):
    folder, _ = save_checkpoint(
        GPT2Config(vocab_size=120, n_embd=64, n_layer=2, n_head=4, n_positions=64)
    )
    edit_config(folder, auto_map=AUTO_MAP)
    with pytest.raises(UnsupportedModelError, match="gpt2 brings its own code"):
        load_causal_lm(folder, quantization=None)


def test_auto_map_imports_nothing_where_the_lean_decoder_knows_the_family(folder):
    (folder / "modeling.py").write_text("raise SystemExit('ran')")
    edit_config(folder, auto_map=AUTO_MAP)
    assert isinstance(load_causal_lm(folder, quantization=None), Decoder)


def test_other_quantisations_are_refused_by_name(folder):
    edit_config(folder, quantization_config={"quant_method": "gptq", "bits": 4})
    with pytest.raises(QuantizationError, match="quantised by gptq"):
        load_causal_lm(folder, quantization=None)


def test_unknown_architecture(folder):
    edit_config(folder, model_type="riceformer")
    with pytest.raises(UnsupportedModelError, match="riceformer"):
        load_causal_lm(folder, quantization=None)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"model_type": []}'])
def test_config_that_is_none(folder, content):
    (folder / "config.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"config\.json"):
        load_causal_lm(folder, quantization=None)


def test_unknown_quantization(folder):
    with pytest.raises(QuantizationError, match="'int3' does not exist; choose one of int8"):
        load_causal_lm(folder, quantization="int3")


@pytest.mark.parametrize("length", [0, 65])
def test_max_model_len_outside_what_the_network_was_made_for(folder, length):
    with pytest.raises(UnsupportedModelError, match=f"max_model_len is {length}.*at most 64"):
        load_causal_lm(folder, quantization=None, max_model_len=length)


def test_huggingface_weights_are_checked_too(save_checkpoint):
    config = GPT2Config(vocab_size=120, n_embd=64, n_layer=2, n_head=4, n_positions=64)
    folder, _ = save_checkpoint(config)
    edit_weights(folder, lambda tensors: tensors["transformer.wpe.weight"].fill_(torch.nan))
    with pytest.raises(CheckpointError, match=r"transformer\.wpe\.weight holds NaN"):
        load_causal_lm(folder, quantization=None)
    edit_weights(folder, lambda tensors: tensors.pop("transformer.wpe.weight"))
    with pytest.raises(CheckpointError, match=r"transformer\.wpe\.weight"):
        load_causal_lm(folder, quantization=None)


@pytest.mark.parametrize(("max_model_len", "prompt_length"), [(32, 20), (128, 60)])
def test_longrope_frequencies_follow_max_model_len(
    save_checkpoint, driver, max_model_len, prompt_length
):
    """Up to the original length as transformers runs a short prompt, beyond it as a long one."""
    config = Phi3Config(
        vocab_size=120,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        original_max_position_embeddings=32,
        pad_token_id=0,
        rope_parameters={
            "rope_type": "longrope",
            "rope_theta": 10000.0,
            "short_factor": [1.0 + 0.1 * i for i in range(8)],
            "long_factor": [2.0 + 0.5 * i for i in range(8)],
            "original_max_position_embeddings": 32,
        },
    )
    folder, reference = save_checkpoint(config)
    model = load_causal_lm(folder, quantization=None, max_model_len=max_model_len)
    prompt = [3 + i % 100 for i in range(prompt_length)]
    paged = driver(model)
    logits = paged.step([(paged.sequence(prompt), prompt_length)])
    with torch.no_grad():
        expected = reference(torch.tensor([prompt])).logits[0]
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_size": "wide"},
        {"vocab_size": None},
        {"num_attention_heads": 0},
        {"num_hidden_layers": -1},
        {"num_hidden_layers": 1},
        {"intermediate_size": 10**9},
        {"max_position_embeddings": "long"},
        {"rope_parameters": {"rope_type": "llama3", "rope_theta": 10000.0}},
    ],
    ids=str,
)
def test_config_that_does_not_describe_the_weights(folder, changes):
    edit_config(folder, **changes)
    with pytest.raises(ModelError):
        load_causal_lm(folder, quantization=None)


def test_more_than_text(folder):
    edit_config(folder, model_type="gemma3", text_config={}, vision_config={})
    with pytest.raises(UnsupportedModelError, match="gemma3 takes more than text"):
        load_causal_lm(folder, quantization=None)


def test_int8_activations_need_quantised_weights(folder, monkeypatch):
    monkeypatch.setattr(linear_factory, "multiplies_bytes", lambda: True)
    with pytest.raises(QuantizationError, match="activations='int8' is for quantised weights"):
        load_causal_lm(folder, quantization=None, activations="int8")


def test_int8_activations_need_the_processor(folder, monkeypatch):
    monkeypatch.setattr(linear_factory, "multiplies_bytes", lambda: False)
    with pytest.raises(QuantizationError, match="a processor that multiplies bytes"):
        load_causal_lm(folder, quantization="int8", activations="int8")
