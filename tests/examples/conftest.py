"""The server that the examples talk to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.langchain_kamado.conftest import server  # noqa: F401

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(server):  # noqa: F811
    """What an example prints, started as its first lines say."""

    def run(name, *arguments):
        command = [sys.executable, "-W", "error", ROOT / "examples" / name, *arguments]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "KAMADO_BASE_URL": server.url}
        made = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
        assert made.returncode == 0, made.stderr
        return made.stdout

    return run
