"""How much memory a model takes once it is loaded: asked of a process that does nothing else,
because memory freed by an earlier model would hide it.

    python -m models.workshop.resident FOLDER QUANTIZATION
"""

import gc
import subprocess
import sys
from pathlib import Path

import psutil
import torch

from models.architectures.loading import load_causal_lm, read_spec
from models.errors import ModelError
from models.kernels.library import is_loaded

_PROJECT = Path(__file__).parents[2]


def resident_bytes(folder: Path, quantization: str | None = None) -> int:
    """By which a process grows as it loads the model."""
    command = [sys.executable, "-m", "models.workshop.resident", str(folder), quantization or ""]
    done = subprocess.run(command, cwd=_PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ModelError(f"{folder} cannot be loaded alone: {done.stderr.strip()[-500:]}")
    return int(done.stdout.split()[-1])


def main(folder: Path, quantization: str | None) -> None:
    # Libraries that load on first use are not the model's memory.
    read_spec(folder)
    is_loaded()
    torch.nn.functional.linear(torch.ones(64, 64), torch.ones(64, 64))
    before = psutil.Process().memory_info().rss
    model = load_causal_lm(folder, quantization=quantization)
    gc.collect()
    print(psutil.Process().memory_info().rss - before)
    del model


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] or None)
