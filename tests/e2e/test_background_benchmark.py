"""The benchmark of a batch's cost runs against a real server, and leaves nothing behind."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_it_compares_windows_with_and_without_a_batch(server, metric):
    files = metric("kamado_files")
    load = ["--rate", "20", "--requests", "4", "--rounds", "1", "--max-tokens", "4"]
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.background", server.url, "--model", "pocket", *load],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    alone, beside, ratio, lines = run.stdout.splitlines()
    assert "alone" in alone
    assert "of 4 requests" in beside
    assert "the median of 1 rounds" in ratio
    assert "lines meanwhile" in lines
    assert metric("kamado_files") == files
    assert metric("kamado_batch_open_lines") == 0
