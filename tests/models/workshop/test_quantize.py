"""What the workshop writes: the same bits as quanto's, readable by quanto, and by our loader."""

import shutil

import pytest
import torch
from optimum.quanto import QuantizedModelForCausalLM, qfloat8, qint4, qint8
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from models.architectures.checkpoint import Checkpoint
from models.architectures.loading import load_causal_lm
from models.architectures.stored_tensor import tensor_digest
from models.errors import CheckpointError, ModelError, QuantizationError, RecipeError
from models.workshop import quantize as module
from models.workshop.paged_text import PagedText
from models.workshop.quantize import quantize
from models.workshop.working_folder import working_folder

PROMPT = [list(range(3, 40))]


def logits(model):
    return model.logits(PagedText(model, [40]).extend(PROMPT))


@pytest.mark.parametrize(
    ("scheme", "qtype"), [("qint8", qint8), ("qint4", qint4), ("qfloat8", qfloat8)]
)
def test_the_same_tensors_as_quantos(tiny, tmp_path, recipe, scheme, qtype):
    original = AutoModelForCausalLM.from_pretrained(tiny)
    theirs = QuantizedModelForCausalLM.quantize(original, weights=qtype, exclude="lm_head")
    theirs.save_pretrained(tmp_path / "theirs")
    (tmp_path / "ours").mkdir()
    quantize(tiny, recipe(scheme), tmp_path / "ours")
    expected, found = Checkpoint(tmp_path / "theirs"), Checkpoint(tmp_path / "ours")
    ends = ("input_scale", "output_scale", "lm_head.weight")
    names = {name for name in expected if not name.endswith(ends)}
    assert names == set(found)
    for name in names:
        ours, other = (c.tensor(name, c.shape(name)) for c in (found, expected))
        assert ours.dtype == other.dtype, name
        assert torch.equal(ours.float(), other.float()), name


@pytest.mark.parametrize("scheme", ["qint8", "qint4"])
def test_quanto_loads_it(tiny, tmp_path, recipe, scheme):
    quantize(tiny, recipe(scheme), tmp_path)
    theirs = QuantizedModelForCausalLM.from_pretrained(tmp_path)
    ours = load_causal_lm(tmp_path, quantization=None)
    name = "model.layers.1.mlp.down_proj"
    weight = theirs._wrapped.get_submodule(name).weight.dequantize()
    assert torch.isfinite(logits(ours)).all()
    plain = Checkpoint(tiny).tensor(f"{name}.weight", tuple(weight.shape))
    assert 0 < (weight - plain).norm() / plain.norm() < {"qint8": 0.01, "qint4": 0.15}[scheme]


@pytest.mark.parametrize(("scheme", "at_load"), [("qint8", "int8"), ("qint4", "int4")])
def test_it_runs_as_if_quantised_at_load(tiny, tmp_path, recipe, scheme, at_load):
    quantize(tiny, recipe(scheme, head="qint8"), tmp_path)
    stored = load_causal_lm(tmp_path, quantization=None)
    expected = load_causal_lm(tiny, quantization=at_load)
    assert torch.equal(logits(stored), logits(expected))


def test_float8_runs_as_bf16(tiny, tmp_path, recipe):
    quantize(tiny, recipe("qfloat8"), tmp_path)
    found = logits(load_causal_lm(tmp_path, quantization=None))
    expected = logits(load_causal_lm(tiny, quantization=None))
    correlation = torch.corrcoef(torch.stack((found.flatten(), expected.flatten())))[0, 1]
    assert 0.99 < correlation < 1


def test_smaller_groups_are_nearer(tiny, tmp_path, recipe):
    expected = logits(load_causal_lm(tiny, quantization=None))
    errors = []
    for size in (32, 64):
        folder = tmp_path / str(size)
        folder.mkdir()
        quantize(tiny, recipe("qint4", group_size=size), folder)
        errors.append((logits(load_causal_lm(folder, quantization=None)) - expected).norm())
    assert errors[0] < errors[1]


def test_groups_that_do_not_fit_are_refused(tiny, tmp_path, recipe):
    with pytest.raises(QuantizationError, match="group_size is 128, which does not divide the 64"):
        quantize(tiny, recipe("qint4", group_size=128), tmp_path)


def test_modules_by_name(tiny, tmp_path, recipe):
    chosen = {"*.down_proj": "qint8", "model.layers.0.*": "none"}
    stored = quantize(tiny, recipe("qint4", modules=chosen), tmp_path)
    assert stored.forms["model.layers.1.mlp.down_proj"].scheme == "qint8"
    assert stored.forms["model.layers.1.mlp.up_proj"].scheme == "qint4"
    assert "model.layers.0.mlp.up_proj.weight" in Checkpoint(tmp_path)
    load_causal_lm(tmp_path, quantization=None)


def test_a_pattern_that_fits_nothing_is_refused(tiny, tmp_path, recipe):
    with pytest.raises(RecipeError, match=r"'\*\.downproj' fits no matrix of this model"):
        quantize(tiny, recipe("qint4", modules={"*.downproj": "qint8"}), tmp_path)


def test_shards_hold_the_same(tiny, tmp_path, recipe):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    one = quantize(tiny, recipe("qint8"), whole)
    many = quantize(tiny, recipe("qint8"), parts, max_shard_bytes=60_000)
    assert one.digests == many.digests
    assert len(list(parts.glob("model-*-of-*.safetensors"))) > 2
    models = [load_causal_lm(folder, quantization=None) for folder in (whole, parts)]
    assert torch.equal(*map(logits, models))


def test_digests_are_those_of_the_files(tiny, tmp_path, recipe):
    stored = quantize(tiny, recipe("qint4"), tmp_path)
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert stored.digests == {k: tensor_digest(file.get_tensor(k)) for k in file.keys()}


def test_an_interruption_is_resumed(tiny, tmp_path, recipe, monkeypatch):
    target, plan = tmp_path / "made", {"recipe": "the same"}
    written = []

    class Interrupted(module.ShardWriter):
        def __exit__(self, *arguments):
            super().__exit__(*arguments)
            written.append(self._path.name)
            if len(written) == 2:
                raise KeyboardInterrupt

    def attempt():
        with working_folder(target, plan) as folder:
            return quantize(tiny, recipe("qint8"), folder, max_shard_bytes=60_000)

    monkeypatch.setattr(module, "ShardWriter", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        attempt()
    assert not target.exists()
    stored = attempt()
    assert written[0] not in written[2:], "the shard that was finished is not made again"
    assert stored.digests.keys() == set(Checkpoint(target))
    load_causal_lm(target, quantization=None, checkpoint=Checkpoint(target, stored.digests))
    assert not list(target.glob(".*"))


def work(target, plan, error):
    """Leaves a file and fails; whether the file was there."""
    with working_folder(target, plan) as folder:
        was_there = (folder / "left").exists()
        (folder / "left").touch()
        raise error(was_there)


def test_another_plan_starts_anew_and_a_refusal_leaves_nothing(tmp_path):
    found = []
    for plan, error in (({"a": 1}, KeyboardInterrupt), ({"a": 2}, KeyboardInterrupt)):
        with pytest.raises(error) as caught:
            work(tmp_path / "made", plan, error)
        found += caught.value.args
    with pytest.raises(ModelError) as refused:
        work(tmp_path / "made", {"a": 2}, ModelError)
    assert [*found, *refused.value.args] == [False, False, True]
    assert not list(tmp_path.iterdir())


def test_a_quantised_model_is_no_original(tiny, tmp_path, recipe):
    (tmp_path / "once").mkdir()
    quantize(tiny, recipe("qint8"), tmp_path / "once")
    with pytest.raises(QuantizationError, match="quantised already"):
        quantize(tmp_path / "once", recipe("qint4"), tmp_path)


def test_nan_in_the_original_is_named(tiny, tmp_path, recipe):
    damaged = tmp_path / "damaged"
    shutil.copytree(tiny, damaged)
    tensors = load_file(damaged / "model.safetensors")
    tensors["model.layers.0.mlp.up_proj.weight"][0, 0] = torch.nan
    save_file(tensors, damaged / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"layers\.0\.mlp\.up_proj\.weight holds NaN"):
        quantize(damaged, recipe("qint4"), tmp_path)
