"""The networks that are measured, as Hugging Face configs without weights."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_LLAMA_3_1_8B = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "vocab_size": 128256,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 8192,
    "rope_theta": 500000.0,
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": False,
}
_QWEN_2_5_0_5B = {
    "model_type": "qwen2",
    "architectures": ["Qwen2ForCausalLM"],
    "vocab_size": 151936,
    "hidden_size": 896,
    "intermediate_size": 4864,
    "num_hidden_layers": 24,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "max_position_embeddings": 8192,
    "rope_theta": 1000000.0,
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": True,
}
_TINY = _LLAMA_3_1_8B | {
    "vocab_size": 512,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}

SHAPES: Mapping[str, Mapping[str, Any]] = {
    "llama-3.1-8b": _LLAMA_3_1_8B,
    "qwen2.5-0.5b": _QWEN_2_5_0_5B,
    "tiny": _TINY,
}


def write_config(shape: str, folder: Path) -> None:
    """The config.json of a name of SHAPES."""
    config = {"dtype": "bfloat16", "bos_token_id": None, "eos_token_id": None, **SHAPES[shape]}
    (folder / "config.json").write_text(json.dumps(config))
