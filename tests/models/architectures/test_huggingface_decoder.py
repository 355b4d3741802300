"""Architectures without a lean decoder: their own forward over the paged cache, or a refusal."""

from typing import Any

import pytest
import torch
from transformers import (
    BloomConfig,
    Cohere2Config,
    CohereConfig,
    FalconConfig,
    GPT2Config,
    GPTNeoXConfig,
    GptOssConfig,
    GraniteConfig,
    MambaConfig,
    MixtralConfig,
    Olmo2Config,
    OPTConfig,
    PhiConfig,
    Qwen3MoeConfig,
    Starcoder2Config,
)

from models.architectures.huggingface_decoder import HuggingFaceDecoder
from models.architectures.loading import load_causal_lm
from models.errors import QuantizationError, UnsupportedModelError

IDS: dict[str, Any] = {"vocab_size": 120, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
SIZES: dict[str, Any] = {
    **IDS,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}

SERVED = {
    "gpt2": GPT2Config(**IDS, n_embd=64, n_layer=2, n_head=4, n_positions=128),
    "gpt_neox": GPTNeoXConfig(**{**SIZES, "num_key_value_heads": 4}),
    "opt": OPTConfig(
        **IDS,
        hidden_size=64,
        ffn_dim=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        word_embed_proj_dim=64,
        max_position_embeddings=128,
    ),
    "starcoder2": Starcoder2Config(**SIZES, sliding_window=8),
    "mixtral": MixtralConfig(**SIZES, num_local_experts=4, sliding_window=8),
    "qwen3_moe": Qwen3MoeConfig(
        **SIZES, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, head_dim=16
    ),
    "granite": GraniteConfig(**SIZES, logits_scaling=4.0),
    "cohere": CohereConfig(**SIZES, logit_scale=0.5),
    "cohere2": Cohere2Config(**SIZES, sliding_window=8, logit_scale=0.5),
    "olmo2": Olmo2Config(**SIZES),
    "phi": PhiConfig(**SIZES, partial_rotary_factor=0.5),
}


@pytest.mark.parametrize("name", SERVED)
def test_same_as_transformers(name, save_checkpoint, assert_same_as_transformers):
    folder, reference = save_checkpoint(SERVED[name])
    model = load_causal_lm(folder, quantization=None)
    assert isinstance(model, HuggingFaceDecoder)
    assert_same_as_transformers(model, reference)


REFUSED = {
    "mamba": MambaConfig(**IDS, hidden_size=64, state_size=4, num_hidden_layers=2),
    "falcon": FalconConfig(**IDS, hidden_size=64, num_hidden_layers=2, num_attention_heads=4),
    "bloom": BloomConfig(**IDS, hidden_size=64, n_layer=2, n_head=4),
    "gpt_oss": GptOssConfig(
        **SIZES,
        num_local_experts=4,
        head_dim=16,
        sliding_window=8,
        rope_parameters={"rope_type": "default", "rope_theta": 1000.0},
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(name, save_checkpoint):
    folder, _ = save_checkpoint(REFUSED[name])
    with pytest.raises(UnsupportedModelError, match=f"{name} models cannot be served"):
        load_causal_lm(folder, quantization=None)


@pytest.mark.parametrize("name", ["gpt2", "starcoder2"])
def test_int8_is_close_to_the_original(name, save_checkpoint, driver):
    folder, reference = save_checkpoint(SERVED[name])
    paged = driver(load_causal_lm(folder, quantization="int8"))
    prompt = list(range(3, 20))
    logits = paged.step([(paged.sequence(prompt), len(prompt))])
    with torch.no_grad():
        expected = reference(torch.tensor([prompt])).logits[0]
    error = (logits - expected).abs().max() / expected.abs().max()
    assert 1e-5 < error < 0.1


def test_quanto_checkpoint_is_refused(save_checkpoint):
    folder, _ = save_checkpoint(SERVED["gpt2"])
    (folder / "quanto_qmap.json").write_text("{}")
    with pytest.raises(QuantizationError, match="are quantised at load instead"):
        load_causal_lm(folder, quantization=None)


def test_frequencies_that_change_with_the_batch_are_refused(save_checkpoint):
    rope = {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 1000.0}
    folder, _ = save_checkpoint(MixtralConfig(**SIZES, head_dim=16, rope_parameters=rope))
    assert load_causal_lm(folder, quantization=None).max_model_len == 128
    with pytest.raises(UnsupportedModelError, match="dynamic frequencies change beyond 128"):
        load_causal_lm(folder, quantization=None, max_model_len=256)
