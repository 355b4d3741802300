"""Every family of the lean decoder against transformers, token by token."""

from typing import Any

import pytest
import torch
from transformers import (
    Gemma2Config,
    Gemma3TextConfig,
    GemmaConfig,
    LlamaConfig,
    MistralConfig,
    Phi3Config,
    Qwen2Config,
    Qwen3Config,
    SmolLM3Config,
)

from models.architectures.decoder import Decoder
from models.architectures.loading import load_causal_lm
from models.quantization.linear_factory import OUTPUT_SCHEMES, SCHEMES

pytestmark = pytest.mark.usefixtures("backend")

SIZES: dict[str, Any] = {
    "vocab_size": 120,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


def rope(rope_type: str, **parameters: Any) -> dict[str, Any]:
    return {"rope_parameters": {"rope_type": rope_type, "rope_theta": 1000.0, **parameters}}


CONFIGS = {
    "llama2": LlamaConfig(**SIZES),
    "llama3": LlamaConfig(
        **SIZES,
        tie_word_embeddings=True,
        **rope(
            "llama3",
            factor=8.0,
            low_freq_factor=1.0,
            high_freq_factor=4.0,
            original_max_position_embeddings=32,
        ),
    ),
    "llama_biased": LlamaConfig(**SIZES, attention_bias=True, mlp_bias=True, head_dim=24),
    "llama_linear": LlamaConfig(**SIZES, **rope("linear", factor=4.0)),
    "llama_dynamic": LlamaConfig(**SIZES, **rope("dynamic", factor=4.0)),
    "llama_yarn": LlamaConfig(
        **SIZES, **rope("yarn", factor=8.0, original_max_position_embeddings=32)
    ),
    "qwen2": Qwen2Config(**SIZES, tie_word_embeddings=True),
    "qwen2_sliding": Qwen2Config(
        **SIZES, use_sliding_window=True, sliding_window=8, max_window_layers=1
    ),
    "qwen3": Qwen3Config(**SIZES, head_dim=32, tie_word_embeddings=True),
    "mistral": MistralConfig(**SIZES, sliding_window=8),
    "mistral_full": MistralConfig(**SIZES, sliding_window=None, head_dim=32),
    "smollm3": SmolLM3Config(**SIZES, no_rope_layer_interval=2),
    "phi3": Phi3Config(**SIZES, sliding_window=10),
    "phi3_partial": Phi3Config(
        **SIZES, rope_parameters={"rope_type": "default", "partial_rotary_factor": 0.5}
    ),
    "gemma": GemmaConfig(**SIZES, head_dim=32),
    "gemma2": Gemma2Config(**SIZES, head_dim=32, sliding_window=8, query_pre_attn_scalar=20),
    "gemma3": Gemma3TextConfig(
        **SIZES,
        head_dim=32,
        sliding_window=8,
        query_pre_attn_scalar=20,
        sliding_window_pattern=2,
        rope_parameters={
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 10000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
        },
    ),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_same_as_transformers(name, save_checkpoint, assert_same_as_transformers):
    folder, reference = save_checkpoint(CONFIGS[name])
    model = load_causal_lm(folder, quantization=None)
    assert isinstance(model, Decoder)
    assert_same_as_transformers(model, reference)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", ["qwen3", "qwen2", "phi3", "gemma3"])
def test_quantised_equals_transformers_with_dequantised_weights(
    name, scheme, save_checkpoint, assert_same_as_transformers
):
    folder, reference = save_checkpoint(CONFIGS[name])
    model = load_causal_lm(folder, quantization=scheme)
    for module_name, module in reference.named_modules():
        if isinstance(module, torch.nn.Linear):
            kind = (OUTPUT_SCHEMES if module_name == "lm_head" else SCHEMES)[scheme]
            kept = kind.quantize(module.weight.detach()).dequantize().float()
            # A new parameter: the embedding that the output matrix was tied to stays as it is.
            module.weight = torch.nn.Parameter(kept)
    assert_same_as_transformers(model, reference)
