"""Small models to divide, and what they answer whole."""

import random
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    Phi3Config,
    Qwen3Config,
)

VOCAB = 121
SIZES = {
    "vocab_size": VOCAB,
    "hidden_size": 64,
    "intermediate_size": 384,  # three groups of int4
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 64,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "bos_token_id": None,
    "eos_token_id": None,
}
CONFIGS = {
    "llama": LlamaConfig(**SIZES, attention_bias=True, mlp_bias=True),
    "qwen3": Qwen3Config(**SIZES, tie_word_embeddings=True),
    "gemma3": Gemma3TextConfig(**SIZES, sliding_window=8, query_pre_attn_scalar=64),
    "phi3": Phi3Config(**SIZES),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Of a family's random weights, spread so far that rounding decides no token."""
    folders: dict[str, Path] = {}

    def folder(name):
        if name not in folders:
            torch.manual_seed(0)
            model = AutoModelForCausalLM.from_config(CONFIGS[name]).float()
            with torch.no_grad():
                for parameter in model.parameters():
                    if parameter.dim() == 1:
                        parameter.add_(torch.randn_like(parameter) * 0.3)
                    else:
                        parameter.normal_(0, 2.0 / parameter.shape[1] ** 0.5)
            folders[name] = tmp_path_factory.mktemp(name)
            model.save_pretrained(folders[name])
        return folders[name]

    return folder


@pytest.fixture(scope="module")
def prompts():
    rng = random.Random(1)
    shared = [rng.randrange(VOCAB) for _ in range(20)]
    return [
        shared[: rng.choice([0, 9, 20])] + [rng.randrange(VOCAB) for _ in range(rng.randint(1, 30))]
        for _ in range(6)
    ]


@pytest.fixture
def answers(make_engine, run, request_of, prompts):
    """Each prompt's greedy tokens, and what the engine has counted meanwhile."""

    def answers(model, **options):
        engine = make_engine(model, **options)
        requests = [request_of(f"r{i}", prompt) for i, prompt in enumerate(prompts)]
        got = run(engine, *requests)
        return [got[f"r{i}", 0][0] for i in range(len(prompts))], engine.stats()

    return answers
