"""Every command on real small models, as a shell would call it."""

import json
from pathlib import Path

import bentoml
import pytest

from models.kernels.library import is_loaded, multiplies_bytes
from models.store import resolve_model

RECIPE = """
weights = "qint8"
head = "qint8"
[evaluate]
max_tokens = 96
sequence_length = 48
[gates]
max_mean_kl = 0.05
"""


@pytest.fixture
def stored(run, store, tiny, recipe_file):
    """The tag of a quantised model in the store."""
    code, _, errors = run(
        "quantize", tiny, "--recipe", recipe_file(RECIPE), "--tag", "rice:v1", "--json"
    )
    assert code == 0, errors
    return "rice:v1"


def test_help_teaches(run):
    code, output, _ = run("--help")
    assert code == 0
    for name in ("get", "quantize", "evaluate", "card", "list", "show", "remove", "export", "plan"):
        assert name in output
        assert run(name, "--help")[0] == 0


def test_quantize_into_the_store(stored, store, run, tmp_path):
    source = resolve_model(stored)
    assert source.folder.is_relative_to(store)
    code, output, _ = run("card", stored, "--json")
    card = json.loads(output)
    assert code == 0
    assert card["name"] == stored
    assert card["figures"]["closeness"]["mean_kl"] <= 0.05
    assert [gate["name"] for gate in card["gates"]] == ["max_mean_kl"]
    assert not list((tmp_path / "cache").iterdir()), "nothing is left where it was put together"


def test_a_card_for_people(stored, run):
    code, output, _ = run("card", stored)
    assert code == 0
    for words in (
        "at most, to quantise it",
        "same likeliest token",
        "mine: 15 x qint8",
        "max_mean_kl",
        "passed",
    ):
        assert words in output


def test_a_plot(stored, run, tmp_path):
    picture = tmp_path / "card.png"
    assert run("card", stored, "--plot", picture)[0] == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    code, _, errors = run("card", stored, "--plot", tmp_path / "card.gift")
    assert code == 1
    assert "cannot be written" in errors


def test_list_show_export_remove(stored, run, tmp_path):
    (row,) = json.loads(run("list", "--json")[1])
    assert row["tag"] == stored
    assert row["card"]["schemes"] == {"qint8": 15}
    assert stored in run("list")[1]
    shown = json.loads(run("show", stored, "--json")[1])
    assert "model.safetensors" in shown["files"]
    assert "card.json" in run("show", stored)[1]
    target = tmp_path / "exported"
    assert run("export", stored, target)[0] == 0
    assert run("card", target, "--json")[0] == 0
    code, _, errors = run("export", stored, target)
    assert code == 1
    assert "exists already" in errors
    assert run("remove", stored)[0] == 0
    assert json.loads(run("list", "--json")[1]) == []
    code, _, errors = run("remove", stored)
    assert code == 1
    assert "is not in the BentoML store" in errors


def test_quantize_into_a_folder(run, tiny, recipe_file, tmp_path):
    target = tmp_path / "made"
    code, output, errors = run("quantize", tiny, "--recipe", recipe_file(RECIPE), "--to", target)
    assert code == 0, errors
    assert f"--arg model={target}" in output.replace("\n", "")
    assert sorted(path.name for path in target.iterdir() if path.name.startswith(".")) == []


def test_a_failed_gate_stores_nothing(run, store, tiny, recipe_file, tmp_path):
    strict = RECIPE.replace("0.05", "1e-9")
    code, _, errors = run("quantize", tiny, "--recipe", recipe_file(strict), "--tag", "rice:strict")
    assert code == 1
    assert "max_mean_kl is 1e-09" in errors
    assert "model.layers." in errors
    assert "under [modules]" in errors
    assert not bentoml.models.list()
    assert not list((tmp_path / "cache").iterdir())


def test_search_into_the_store(run, store, tiny, recipe_file, tmp_path):
    recipe = recipe_file(RECIPE.replace('weights = "qint8"', 'weights = "qint4"'))
    code, output, errors = run(
        "quantize", tiny, "--recipe", recipe, "--tag", "rice:mix", "--search", "--json"
    )
    assert code == 0, errors
    card = json.loads(output)
    assert len(card["search"]) > 1
    assert set(card["schemes"]) == {"qint4", "qint8"}
    assert run("card", "rice:mix", "--plot", tmp_path / "search.svg")[0] == 0
    assert "frontier" in (tmp_path / "search.svg").read_text()


def test_a_search_that_is_stopped_is_taken_up(run, store, tiny, recipe_file, tmp_path, monkeypatch):
    recipe = recipe_file(RECIPE.replace('weights = "qint8"', 'weights = "qint4"'))
    command = ("quantize", tiny, "--recipe", recipe, "--tag", "rice:mix", "--search", "--json")
    with monkeypatch.context() as patch:

        def interrupted(*_, **__):
            raise KeyboardInterrupt

        patch.setattr("models.workshop.search._returned", interrupted)
        code, _, errors = run(*command)
    assert code == 130
    assert "as measured before" not in errors
    assert not bentoml.models.list()
    code, output, errors = run(*command)
    assert code == 0, errors
    assert "as measured before" in errors
    assert len(json.loads(output)["search"]) > 1
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--tag", "rice"), "has no version"),
        (("--tag", "rice:v 1"), "is no tag"),
        (("--tag", "a:1", "--to", "b"), "both --tag and --to"),
        (("--no-compare",), "has gates, and --no-compare"),
    ],
)
def test_mistakes_in_quantize(options, message, run, store, tiny, recipe_file):
    code, _, errors = run("quantize", tiny, "--recipe", recipe_file(RECIPE), *options)
    assert code == 1
    assert message in errors


def test_a_tag_that_is_taken(stored, run, tiny, recipe_file):
    code, _, errors = run("quantize", tiny, "--recipe", recipe_file(RECIPE), "--tag", stored)
    assert code == 1
    assert "is in the store already" in errors


def test_evaluate(stored, run, tiny, tmp_path):
    text = tmp_path / "mine.txt"
    text.write_text("the quick brown fox jumps over the lazy dog. " * 20)
    code, output, errors = run(
        "evaluate", stored, "--original", tiny, "--text", text, "--max-tokens", 64, "--json"
    )
    assert code == 0, errors
    figures = json.loads(output)
    assert figures["text"] == "mine.txt"
    assert figures["num_tokens"] <= 64
    assert 0 < figures["closeness"]["mean_kl"] < 0.05
    assert len(figures["module_errors"]) == 15
    code, output, _ = run("evaluate", tiny, "--original", tiny)
    assert code == 0
    assert "100.00%" in output


def test_evaluate_rounds_activations_if_told(stored, run, tiny):
    code, _, errors = run("evaluate", stored, "--original", tiny, "--activations", "int9")
    assert code == 1
    assert "activations 'int9' do not exist; choose one of float32, int8" in errors
    if multiplies_bytes():
        told = [
            json.loads(run("evaluate", stored, "--original", tiny, "--json", *options)[1])
            for options in ((), ("--activations", "int8"))
        ]
        exact, rounded = (figures["closeness"]["mean_kl"] for figures in told)
        assert rounded != exact


def test_evaluate_rounds_the_cache_if_told(stored, run, tiny):
    code, output, errors = run(
        "evaluate", stored, "--original", tiny, "--json", "--kv-cache", "int8"
    )
    if not is_loaded():
        assert code == 1
        assert "kv_cache=int8 needs the CPU kernels" in errors
        return
    exact = json.loads(run("evaluate", stored, "--original", tiny, "--json")[1])
    assert json.loads(output)["closeness"]["mean_kl"] != exact["closeness"]["mean_kl"]


def test_evaluate_asks_pocket_alone_for_skills(run, tiny):
    code, _, errors = run("evaluate", tiny, "--original", tiny, "--skills", 1)
    assert code == 1
    assert "is not pocket" in errors


def test_plan(run, tiny):
    code, output, errors = run(
        "plan", tiny, "--context", 64, "--concurrency", 2, "--check", "--json"
    )
    assert code == 0, errors
    planned = json.loads(output)
    assert planned["fits"]
    assert planned["memory"]["weights"] > Path(tiny / "model.safetensors").stat().st_size * 0.9
    assert planned["memory"]["kv_cache"] == 2 * 64 * 2 * 2 * 2 * 16 * 4
    assert set(planned["deviations"]) == {"prompt", "decode_alone", "decode_together", "weights"}
    assert "fits" in run("plan", tiny, "--quantization", "int8")[1]


def test_plan_tells_what_does_not_fit(run, tiny):
    code, output, errors = run("plan", tiny, "--context", 500, "--concurrency", 1, "--json")
    assert code == 0, errors
    huge = ("plan", tiny, "--context", 10**9, "--concurrency", 10**3)
    code, output, _ = run(*huge, "--json")
    assert not json.loads(output)["fits"]
    code, output, errors = run(*huge, "--check")
    assert code == 1
    assert "does not fit" in output
    assert "are free, so it was not tried" in errors


def test_plan_refuses_a_scheme_that_is_none(run, tiny):
    code, _, errors = run("plan", tiny, "--quantization", "int5")
    assert code == 1
    assert "int5" in errors


def test_an_interruption_stores_nothing(run, store, tiny, recipe_file, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("models.workshop.make.write_probe", interrupted)
    command = ("quantize", tiny, "--recipe", recipe_file(RECIPE), "--tag", "rice:v1")
    code, _, errors = run(*command)
    assert code == 130
    assert "nothing was stored" in errors
    assert not bentoml.models.list()
