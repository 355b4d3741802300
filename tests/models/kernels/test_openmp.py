import os
import subprocess
import sys

import pytest

from models.kernels.openmp import SPIN_COUNT, bound_spinning

PROGRAM = """
from models.kernels.openmp import bound_spinning
bound_spinning()
import torch
torch.ones(10).sum()
"""


@pytest.fixture
def environment(monkeypatch):
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    return monkeypatch


def test_openmp_itself_tells_the_bound(environment):
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "OMP_DISPLAY_ENV": "verbose"},
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    assert f"GOMP_SPINCOUNT = '{SPIN_COUNT}'" in told


def test_what_the_environment_says_stands(environment):
    environment.setenv("GOMP_SPINCOUNT", "7")
    bound_spinning()
    assert os.environ["GOMP_SPINCOUNT"] == "7"
    environment.delenv("GOMP_SPINCOUNT")
    environment.setenv("OMP_WAIT_POLICY", "active")
    bound_spinning()
    assert "GOMP_SPINCOUNT" not in os.environ
