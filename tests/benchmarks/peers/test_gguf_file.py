"""A converted model holds the same numbers under llama.cpp's names."""

import json

import gguf
import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, Qwen3Config

from benchmarks.models import Qwen2Shape, write_model
from benchmarks.peers.gguf_file import GGUFError, write_gguf


@pytest.fixture(scope="module")
def qwen2(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "qwen2"
    shape = Qwen2Shape(
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=96,
        vocab_size=400,
        max_position_embeddings=512,
    )
    write_model(shape, folder)
    return folder


@pytest.fixture(scope="module")
def qwen3(qwen2, tmp_path_factory):
    """With the other's tokenizer, and a head size that is not hidden size over heads."""
    folder = tmp_path_factory.mktemp("models") / "qwen3"
    config = Qwen3Config(
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        intermediate_size=96,
        vocab_size=400,
        tie_word_embeddings=True,
        eos_token_id=399,
        pad_token_id=397,
    )
    AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes((qwen2 / "tokenizer.json").read_bytes())
    return folder


@pytest.fixture(params=["qwen2", "qwen3"])
def model(request):
    return request.getfixturevalue(request.param)


def values(tensor):
    """As float32, whatever it is in the file."""
    if tensor.tensor_type == gguf.GGMLQuantizationType.BF16:
        bits = np.array(tensor.data).view(np.uint16).astype(np.uint32) << 16
        return bits.view(np.float32).reshape(tuple(reversed(tensor.shape.tolist())))
    return np.array(tensor.data)


def test_every_tensor_is_there_and_equal(model, tmp_path):
    file = tmp_path / "model.gguf"
    write_gguf(model, file)
    written = {tensor.name: values(tensor) for tensor in gguf.GGUFReader(file).tensors}
    reference = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    state = dict(reference.named_parameters())
    assert len(written) == len(state)
    for name, theirs in {
        "model.embed_tokens.weight": "token_embd.weight",
        "model.norm.weight": "output_norm.weight",
        "model.layers.1.self_attn.q_proj.weight": "blk.1.attn_q.weight",
        "model.layers.0.self_attn.o_proj.weight": "blk.0.attn_output.weight",
        "model.layers.1.mlp.down_proj.weight": "blk.1.ffn_down.weight",
        "model.layers.0.mlp.gate_proj.weight": "blk.0.ffn_gate.weight",
        "model.layers.1.input_layernorm.weight": "blk.1.attn_norm.weight",
        "model.layers.0.post_attention_layernorm.weight": "blk.0.ffn_norm.weight",
    }.items():
        np.testing.assert_array_equal(written[theirs], state[name].detach().numpy())
    own = {"qwen2": "attn_q.bias", "qwen3": "attn_q_norm.weight"}[reference.config.model_type]
    assert f"blk.0.{own}" in written


def test_the_shape_and_the_tokenizer_are_there(model, tmp_path):
    file = tmp_path / "model.gguf"
    write_gguf(model, file)
    reader = gguf.GGUFReader(file)
    config = json.loads((model / "config.json").read_text())
    family = config["model_type"]

    def field(name):
        return reader.get_field(name).contents()

    assert field("general.architecture") == family
    assert field(f"{family}.attention.head_count_kv") == 2
    assert field(f"{family}.attention.key_length") == config.get("head_dim", 16)
    assert field("tokenizer.ggml.eos_token_id") == 399
    tokens = field("tokenizer.ggml.tokens")
    assert len(tokens) == 400
    assert tokens[-3:] == ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    assert field("tokenizer.ggml.token_type")[-1] == gguf.TokenType.CONTROL


def test_another_family_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "mamba"}')
    with pytest.raises(GGUFError, match="'mamba'; known are qwen2, qwen3"):
        write_gguf(tmp_path, tmp_path / "model.gguf")
