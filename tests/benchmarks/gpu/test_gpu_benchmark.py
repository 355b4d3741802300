"""The whole script at a toy size on the CPU: that it runs, and that its figures add up."""

import json
import math
import subprocess
import sys

import pytest

from benchmarks.gpu.__main__ import main, parse
from benchmarks.gpu.limits import Limits
from benchmarks.gpu.shapes import write_config
from benchmarks.gpu.work import work_of


def test_it_measures_everything_and_prints_the_table(tmp_path, capsys):
    path = tmp_path / "figures.json"
    main(parse(["--device", "cpu", "--shape", "tiny", "--json", str(path)]))
    result = json.loads(path.read_text())
    assert not result["left_out"]
    measured = [(row["precision"], row["what"]) for row in result["rows"]]
    ours = ["1 client", "saturated", "2 clients", "first token at 32 clients, p50",
            "first token at 32 clients, p95"]  # fmt: skip
    assert measured[:15] == [(p, what) for p in ("bf16", "float8", "int4") for what in ours]
    assert [what.partition(", ")[2] for _, what in measured[15:]] == [
        "generate, 1 client", "continuous batching, 2 clients"
    ]  # fmt: skip
    assert all(0 < row["measured"] < math.inf for row in result["rows"])
    assert all(row["limit"] is None or row["limit"] > 0 for row in result["rows"])
    printed = capsys.readouterr().out
    assert printed.count("\n| tiny |") == len(measured)
    assert "a copy moves" in printed


def test_when_the_time_is_up_the_rest_is_named(capsys):
    main(parse(["--device", "cpu", "--shape", "tiny", "--minutes", "0"]))
    assert "left out: tiny bf16: no time was left" in capsys.readouterr().out


def test_the_least_work_of_the_8b_shape(tmp_path):
    """8.03 billion parameters, of which the embedding's 0.53 are looked up and not multiplied."""
    write_config("llama-3.1-8b", tmp_path)
    work = work_of(tmp_path, "bf16", 2 * 32 * 8 * 128 * 2)
    assert work.num_weights == pytest.approx(7.50e9, rel=0.001)
    limits = Limits(4.3e12, 790e12, None)
    assert 1 / work.one_sequence_s(limits, 1152) == pytest.approx(284, rel=0.01)
    one = work.many_sequences_s(
        limits, sequences=64, prompt_tokens=1024, new_tokens=256, flops=limits.flops
    )
    assert one == pytest.approx(1.244 + 256 * (15.0e9 + 64 * 1152 * 131072) / 4.3e12, rel=0.01)


def test_an_engine_needs_no_bentoml_nor_what_comes_with_it():
    """In another process: here they are imported already."""
    blocked = ("bentoml", "pydantic", "starlette", "llguidance", "optimum", "prometheus_client")
    program = (
        "import sys\n"
        f"for name in {blocked}: sys.modules[name] = None\n"
        "import benchmarks.gpu.__main__, runners.engine.engine\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=110)
