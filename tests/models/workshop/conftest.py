"""Small real models in folders of their own, and a BentoML store that is thrown away."""

import bentoml  # noqa: F401  its import warns, which tests/conftest.py has heard already
import pytest
import torch
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml._internal.models.model import ModelStore
from transformers import AutoModelForCausalLM, Qwen3Config

from models.__main__ import main
from models.workshop.recipe import Recipe


def save_model(folder, config, tokenizer=None):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).float().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.normal_(0, 1.5 / parameter.shape[1] ** 0.5)
    model.generation_config.eos_token_id = None
    model.save_pretrained(folder)
    if tokenizer is not None:
        tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory, byte_level_tokenizer):
    """A tied Qwen3 of random weights that reads bytes. Not to be written to."""
    config = Qwen3Config(
        vocab_size=424,
        hidden_size=64,
        intermediate_size=320,  # groups of 64: 128 and 96 do not divide it
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        tie_word_embeddings=True,
        max_position_embeddings=512,
    )
    return save_model(tmp_path_factory.mktemp("tiny") / "tiny", config, byte_level_tokenizer)


@pytest.fixture
def recipe():
    """A Recipe of few tokens, so that measuring takes no time."""

    def make(weights, **fields):
        evaluate = {"max_tokens": 96, "sequence_length": 48}
        return Recipe(**{"name": weights, "weights": weights, "evaluate": evaluate} | fields)

    return make


@pytest.fixture
def recipe_file(tmp_path):
    def write(text, name="mine"):
        path = tmp_path / f"{name}.toml"
        path.write_text(f"{text}\n")
        return str(path)

    return write


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    BentoMLContainer.model_store.set(ModelStore(folder))
    yield folder
    BentoMLContainer.model_store.reset()


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """A command -> (exit code, output, errors)."""
    monkeypatch.setattr("models.workshop.publishing.CACHE", tmp_path / "cache")

    def run(*arguments):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
