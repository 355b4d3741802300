"""What `bentoml serve`'s supervisor imports must be light: it only starts the worker, and stays
beside it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_importing_the_service_loads_neither_torch_nor_transformers():
    code = "import sys, service; print([m for m in ('torch', 'transformers') if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
