"""A model of the shape, in a size for tests."""

import hashlib

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.models import SHAPES, Qwen2Shape, write_model
from benchmarks.word_tokenizer import SPECIAL, word_tokenizer

TINY = Qwen2Shape(
    hidden_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    intermediate_size=96,
    vocab_size=2000,
    max_position_embeddings=512,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    write_model(TINY, folder)
    return folder


def test_the_real_shape_has_its_parameters():
    sizes = [torch.Size(size).numel() for _, size in SHAPES["qwen2.5-0.5b"].tensors()]
    assert sum(sizes) == 494_032_768


def test_the_same_seed_gives_the_same_bytes(folder, tmp_path):
    def digest(of):
        return {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in of.iterdir()
        }  # fmt: skip

    write_model(TINY, tmp_path / "again")
    assert digest(tmp_path / "again") == digest(folder)
    write_model(TINY, tmp_path / "other", seed=1)
    assert digest(tmp_path / "other")["model.safetensors"] != digest(folder)["model.safetensors"]


def test_transformers_loads_all_of_it(folder):
    model, report = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert model.config.rope_parameters["rope_theta"] == 1e6


def test_greedy_answers_never_end_and_are_finite(folder):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    prompts = torch.randint(0, 1900, (8, 12), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        ids = model.generate(prompts, max_new_tokens=48, do_sample=False)
        logits = model(ids).logits
    assert ids.shape[1] == 12 + 48
    assert torch.isfinite(logits).all()
    assert (logits[..., -len(SPECIAL) :] == 0).all()
    assert (logits.max(dim=-1).values > 0).all()


def test_every_id_has_text_and_words_are_one_token(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert len(tokenizer) == TINY.vocab_size
    assert tokenizer.eos_token_id == TINY.vocab_size - 1
    texts = [tokenizer.decode([id_]) for id_ in range(TINY.vocab_size)]
    assert all(texts)
    text = " a ab zz me"
    assert tokenizer.tokenize(text) == ["Ġa", "Ġab", "Ġzz", "Ġme"]
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    strange = "naïve 你好 😀\n\t{}"
    assert tokenizer.decode(tokenizer(strange)["input_ids"]) == strange


def test_a_vocabulary_too_small_or_too_large_is_refused():
    with pytest.raises(ValueError, match="alone are 259"):
        word_tokenizer(258)
    with pytest.raises(ValueError, match="there are words for"):
        word_tokenizer(1_000_000)
