"""How much memory a model takes once it is loaded: asked of a process that does nothing else,
because memory freed by an earlier model would hide it.

What a process needs only once, whatever it loads (libraries, threads, code), is there before the
first reading; what loading needed for a while is given back before the second.

    python -m models.workshop.resident FOLDER QUANTIZATION
"""

import subprocess
import sys
from pathlib import Path

from models.architectures.checkpoint import Checkpoint
from models.architectures.loading import load_causal_lm, read_spec
from models.errors import ModelError
from models.workshop.imaginary_checkpoint import ImaginaryCheckpoint
from models.workshop.miniature import miniature
from models.workshop.peak_memory import settled_bytes

_PROJECT = Path(__file__).parents[2]


def resident_bytes(folder: Path, quantization: str | None = None) -> int:
    """By which a process grows as it loads the model."""
    command = [sys.executable, "-m", "models.workshop.resident", str(folder), quantization or ""]
    done = subprocess.run(command, cwd=_PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ModelError(f"{folder} cannot be loaded alone: {done.stderr.strip()[-500:]}")
    return int(done.stdout.split()[-1])


def main(folder: Path, quantization: str | None) -> None:
    spec, checkpoint = read_spec(folder), ImaginaryCheckpoint(folder)
    miniature(spec, checkpoint, quantization, 1)
    Checkpoint(folder).read(next(iter(checkpoint)))
    before = settled_bytes()
    model = load_causal_lm(folder, quantization=quantization)
    print(settled_bytes() - before)
    del model


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] or None)
