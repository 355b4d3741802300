"""The command, from a file of measured steps to the page and its picture; and from a real engine to
that file."""

import shutil

import pytest
import typer

import benchmarks.scaling.__main__ as command
import benchmarks.scaling.measurement as measurement
import benchmarks.scaling.sweep as sweep
from benchmarks.scaling.report import TARGET_S, sustained
from benchmarks.scaling.step_model import StepMeasurement, StepModel

RESULTS = command.RESULTS
MODEL = "qwen2.5-0.5b"


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "RESULTS", tmp_path)
    return tmp_path


def test_the_load_sustained_lies_between_those_that_were_run():
    assert sustained((1, 2, 3), (0.5, 1, 2)) == "3 or more"
    assert sustained((1, 2, 3), (TARGET_S / 2, TARGET_S * 2, 99)) == "1.50"
    assert sustained((1, 2, 3), (TARGET_S + 1, 9, 9)) == "below 1"


def test_the_committed_steps_are_fitted_well():
    """A step that the sum misses by more than a third would make the simulation a guess."""
    measured = StepMeasurement.read(RESULTS / f"steps-{MODEL}.json")
    fitted = StepModel.fitted(measured.steps)
    for step in measured.steps:
        assert fitted.seconds(step) == pytest.approx(step.seconds, rel=1 / 3)


def test_the_page_has_every_point(results, monkeypatch):
    for file in (f"steps-{MODEL}.json", f"{MODEL}.json"):
        shutil.copy(RESULTS / file, results)
    monkeypatch.setattr(sweep, "MIN_REQUESTS", 1)
    command.main(
        model=MODEL, replicas="1,3", rates="0.25,0.5,1", requests=12, prefixes=8, name="few"
    )
    page = (results / "few.md").read_text()
    for line in ("| 1 | random |", "| 3 | prefix affinity |", "| no bound |", "| 16 | "):
        assert line in page
    assert "--replicas 1,3 --rates 0.25,0.5,1 --requests 12 --prefixes 8" in page
    assert (results / "few.png").read_bytes().startswith(b"\x89PNG")


def test_without_steps_the_command_says_what_to_do(results):
    with pytest.raises(typer.BadParameter, match="--measure"):
        command.main(model=MODEL, replicas="1", rates="1", requests=3, seed=0)


def test_an_engine_is_measured(results, monkeypatch):
    """Pocket, with little of each: the figures are a busy machine's, the steps are real."""
    for name, few in (
        ("DECODES", ((1, 32), (4, 32), (4, 256))), ("PROMPTS", (64, 256)), ("LONG_PROMPT", 1024),
        ("BESIDE", (1, 4)), ("STEPS", 3), ("TRIALS", 2), ("CACHE_BYTES", 2**28),
    ):  # fmt: skip
        monkeypatch.setattr(measurement, name, few)
    command.main(measure=True, model="pocket", quantization="int8", activations="float32")
    measured = StepMeasurement.read(results / "steps-pocket.json")
    assert [step.decoding for step in measured.steps if not step.prompt] == [1, 4, 4]
    alone = [step.prompt for step in measured.steps if step.prompt and not step.decoding]
    assert alone == [64, 256, 512, 512]
    assert all(tokens >= 16 for _, tokens in measured.prompt_tokens_beside)
    assert min(step.seconds for step in measured.steps) > 0
    assert measured.prefix_hit.hit_s < measured.prefix_hit.miss_s
    assert StepModel.fitted(measured.steps).prompt > 0
