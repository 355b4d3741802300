"""`evaluate --tasks` on tasks of our own, without a network: `harness/` has them and their data."""

import json
from pathlib import Path

import pytest

from models.store import BUNDLED_MODELS

HARNESS = Path(__file__).parent / "harness"
POCKET = BUNDLED_MODELS["pocket"]


@pytest.fixture
def harness():
    """lm-eval brings pyarrow, pandas, scipy and scikit-learn: too much for every set-up."""
    return pytest.importorskip("lm_eval", reason="lm-eval is not installed: pip install lm-eval")


def test_without_the_harness_it_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "lm_eval", None)
    code, _, errors = run("evaluate", "pocket", "--tasks", "hellaswag")
    assert code == 1
    assert "pip install lm-eval" in errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "Give --original, --tasks or both"),
        (("--original", "pocket", "--task-limit", 3), "are for --tasks, which is not given"),
    ],
)
def test_something_to_measure_by_is_needed(run, options, message):
    code, _, errors = run("evaluate", "pocket", *options)
    assert code == 1
    assert message in errors


@pytest.mark.usefixtures("harness")
@pytest.mark.filterwarnings("default")
class TestInstalled:
    """Where the harness is; its own deprecations are not ours."""

    def test_all_three_kinds_of_tasks(self, run, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        names = "kamado_continue,kamado_read,kamado_answer"
        command = ("evaluate", "pocket", "--tasks", names, "--task-data", HARNESS)
        code, output, errors = run(*command, "--json")
        assert code == 0, errors
        found = json.loads(output)
        assert found["original_tasks"] is None
        assert found["tasks"]["kamado_continue"]["acc"] == 1
        assert found["tasks"]["kamado_answer"]["exact_match,number"] == 1
        assert 1 < found["tasks"]["kamado_read"]["byte_perplexity"] < 20
        code, output, _ = run(*command, "--task-limit", 1)
        assert code == 0
        assert "kamado_continue" in output

    def test_what_is_missing_is_named(self, run, tmp_path):
        code, _, errors = run("evaluate", "pocket", "--tasks", "no_such_task")
        assert code == 1
        assert "there is no task no_such_task in lm-eval" in errors
        lost = (HARNESS / "read.yaml").read_text().replace("continue.jsonl", "lost.jsonl")
        (tmp_path / "read.yaml").write_text(lost)
        code, _, errors = run(
            "evaluate", "pocket", "--tasks", "kamado_read", "--task-data", tmp_path
        )
        assert code == 1
        assert "the data of kamado_read is not at hand" in errors
        assert "lost.jsonl" in errors

    def test_it_scores_as_the_harness_own_model_does(self):
        from lm_eval.api.instance import Instance
        from lm_eval.models.huggingface import HFLM

        from models.workshop.task_model import TaskModel

        begun = "<|im_start|>user\nWhat is 17 + 26?<|im_end|>\n<|im_start|>assistant\n"
        asked = {
            "loglikelihood": [(begun, "17 + 26 is 43."), (begun, " 44"), ("", "Hello there")],
            "loglikelihood_rolling": [("The red house is old. " * 300,), ("Hello",)],
            "generate_until": [(begun, {"until": ["+2"], "max_gen_toks": 60})] * 2,
        }
        theirs = HFLM(pretrained=str(POCKET), device="cpu", dtype="float32", batch_size=1)
        ours = TaskModel(POCKET)
        for kind, arguments in asked.items():
            requests = [
                Instance(request_type=kind, doc={}, arguments=each, idx=index)
                for index, each in enumerate(arguments)
            ]
            found, expected = (getattr(model, kind)(requests) for model in (ours, theirs))
            if kind == "generate_until":
                assert found == expected
                assert found[0].endswith("1"), "up to where it was told to stop"
            else:
                assert [pytest.approx(each, rel=1e-4) for each in expected] == found
