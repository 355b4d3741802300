import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
PROGRAM = Path(__file__).with_name("compile_for_hopper.py")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_kernel_compiles_for_a_card_that_is_not_here(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment |= {"PYTHONPATH": str(ROOT), "TRITON_CACHE_DIR": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, str(PROGRAM)], env=environment, capture_output=True, text=True, timeout=590
    )
    assert result.returncode == 0, result.stderr
    assert set(result.stdout.split()) == {
        "_prepare_heads", "_attend", "_merge", "_rms_norm", "_multiply_rows", "_multiply_groups"
    }  # fmt: skip
