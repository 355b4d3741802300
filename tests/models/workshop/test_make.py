"""From a recipe to a card, and the three places where a changed weight is caught."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from models.architectures.loading import load_causal_lm
from models.architectures.weight_files import CARD_FILE
from models.errors import CardError, GateError
from models.store import resolve_model
from models.workshop import make as module
from models.workshop.card import read_card
from models.workshop.evaluate import Original
from models.workshop.make import make
from models.workshop.probe import PROBE_FILE, check_probe
from models.workshop.quantize import quantize
from models.workshop.recipe import Recipe
from runners.engine.config import CacheConfig, SchedulerConfig
from runners.loading import load_model

SCALE = "model.layers.1.mlp.down_proj.weight._scale"


@pytest.fixture(scope="module")
def made(tiny, tmp_path_factory):
    """An int8 model with its card. Not to be written to."""
    recipe = Recipe(
        name="eight",
        weights="qint8",
        head="qint8",
        evaluate={"max_tokens": 96, "sequence_length": 48},
        gates={"max_mean_kl": 0.05, "min_top1": 0.8},
    )
    folder = tmp_path_factory.mktemp("made") / "eight"
    folder.mkdir()
    compared(tiny, recipe, folder)
    return folder


def compared(original, recipe, folder):
    with Original.measured(original, recipe.evaluate) as measured:
        return make(resolve_model(str(original)), recipe, folder, name="m", original=measured)


def load(folder, **options):
    return load_model(
        folder,
        quantization=None,
        activations="float32",
        device="cpu",
        max_model_len=None,
        scheduler=SchedulerConfig(4, 64),
        cache=CacheConfig(memory_bytes=2**22),
        **options,
    )


def test_the_card_tells_what_was_measured(made, tiny):
    card = read_card(made)
    near = card.figures.closeness
    assert 0 < near.mean_kl < 0.05
    assert near.mean_kl < near.p99_kl
    assert 0.8 <= near.top1 <= 1
    assert near.perplexity == pytest.approx(near.original_perplexity, rel=0.1)
    assert card.origin.name == tiny.name
    assert card.schemes == {"qint8": 15}
    assert all(0 < error < 0.01 for error in card.figures.module_errors.values())
    assert [gate.passed for gate in card.gates] == [True, True]
    assert card.figures.weights_bytes < card.figures.original_weights_bytes / 2
    assert card.figures.speed.decode_8_tokens_per_s > 0
    assert card.files.keys() == {path.name for path in made.iterdir()} - {CARD_FILE}


def test_it_is_served_with_its_card(made):
    loaded = load(made)
    assert loaded.card.summary()["recipe"] == "eight"
    assert str(made) not in json.dumps(loaded.card.summary())


def test_the_same_text_gives_the_same_figures(made, tiny, tmp_path):
    card = read_card(made)
    again = compared(tiny, card.recipe, tmp_path)
    assert again.figures.closeness == card.figures.closeness
    assert again.figures.text_digest == card.figures.text_digest
    assert again.tensors == card.tensors


def test_a_failed_gate_names_the_worst(tiny, tmp_path, recipe):
    strict = recipe("qint4", gates={"max_mean_kl": 1e-5})
    with pytest.raises(GateError, match=r"max_mean_kl is 1e-05 and .*model\.layers\.\d.* to "):
        compared(tiny, strict, tmp_path)
    assert not (tmp_path / CARD_FILE).exists()


def corrupted(made, folder):
    """A copy with one scale of one row trebled."""
    shutil.copytree(made, folder)
    tensors = load_file(folder / "model.safetensors")
    tensors[SCALE][7] *= 3
    save_file(tensors, folder / "model.safetensors")
    return folder


def test_a_corrupted_scale_fails_at_the_gate(tiny, made, tmp_path, monkeypatch, recipe):
    def corrupting(original, recipe, folder, **options):
        stored = quantize(original, recipe, folder, **options)
        tensors = load_file(folder / "model.safetensors")
        tensors[SCALE][:] *= 3
        save_file(tensors, folder / "model.safetensors")
        return stored

    monkeypatch.setattr(module, "quantize", corrupting)
    with pytest.raises(GateError, match=r"raise the mean KL most: model\.layers\.1\.mlp\.down_pro"):
        compared(tiny, read_card(made).recipe, tmp_path)


def test_a_corrupted_scale_fails_by_digest(made, tmp_path):
    folder = corrupted(made, tmp_path / "bad")
    with pytest.raises(CardError, match=f"tensor {SCALE} is not the one that card.json") as caught:
        load(folder)
    assert str(tmp_path) not in str(caught.value), "callers see it, and paths are not theirs"


def test_with_digests_off_a_corrupted_scale_fails_by_the_probe(made, tmp_path):
    folder = corrupted(made, tmp_path / "bad")
    with pytest.raises(CardError, match="does not answer as when its card was made: its hidden"):
        load(folder, digests=False)
    assert load(folder, digests=False, probe=False).card is not None


@pytest.mark.parametrize("row", range(0, 64, 9))
def test_the_probe_notices_any_scale_that_grows_by_a_tenth(made, tmp_path, row):
    folder = tmp_path / "bad"
    shutil.copytree(made, folder)
    tensors = load_file(folder / "model.safetensors")
    tensors["model.layers.0.mlp.up_proj.weight._scale"][row] *= 1.1
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(CardError, match="A weight or scale has changed"):
        load(folder, digests=False)


def test_a_changed_tokenizer_fails_by_digest(made, tmp_path):
    folder = tmp_path / "bad"
    shutil.copytree(made, folder)
    with (folder / "tokenizer.json").open("a") as file:
        file.write("\n")
    with pytest.raises(CardError, match=r"tokenizer\.json is not the file that card\.json"):
        load(folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(CardError, match=r"tokenizer\.json is missing; the card names it"):
        load(folder)


def test_both_backends_pass_the_probe(made, backend):
    assert load(made).card is not None


def test_rounded_arithmetic_passes_the_probe(made):
    model = load_causal_lm(made, quantization=None, dtype=torch.bfloat16)
    check_probe(model, made, is_exact=False)
    with pytest.raises(CardError):
        check_probe(model, made, is_exact=True)


def test_a_broken_card_is_named(made, tmp_path):
    folder = tmp_path / "bad"
    shutil.copytree(made, folder)
    (folder / CARD_FILE).write_text('{"name": "x"}')
    with pytest.raises(CardError, match=r"^card\.json is no card: created: Field required"):
        load(folder)


@pytest.mark.parametrize("content", [b"", b"rubbish"])
def test_a_broken_probe_is_named(made, tmp_path, content):
    folder = tmp_path / "bad"
    shutil.copytree(made, folder)
    (folder / PROBE_FILE).write_bytes(content)
    with pytest.raises(CardError, match="digest differs"):
        load(folder)
    with pytest.raises(CardError, match="is missing or damaged"):
        load(folder, digests=False)
