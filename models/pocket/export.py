"""Writes a checkpoint as bf16 safetensors: `python -m models.pocket.export`.

The weights folder is complete at every moment: the file is written beside the old one and
renamed over it.
"""

from pathlib import Path
from typing import Annotated

import torch
import typer
from safetensors.torch import save_file
from torch import Tensor

from models.pocket.chat import WEIGHTS
from models.pocket.train import CHECKPOINTS


def load_state(folder: Path) -> tuple[dict[str, Tensor], dict[str, float]]:
    """The network's tensors and the position of the folder's last checkpoint."""
    state = torch.load(folder / "last.pt", weights_only=True)
    return state["network"], state["position"]


def export(folder: Path, target: Path) -> int:
    """Write target/model.safetensors from the last checkpoint; returns its size in bytes."""
    tensors, position = load_state(folder)
    # The head is the embedding: it is stored once, and every reader ties it by the configuration.
    bf16 = {
        k: v.to(torch.bfloat16).contiguous() for k, v in tensors.items() if k != "lm_head.weight"
    }
    metadata = {"format": "pt", "trained_tokens": str(position["tokens"])}
    fresh = target / "model.safetensors.new"
    save_file(bf16, fresh, metadata=metadata)
    fresh.chmod(0o644)
    fresh.rename(target / "model.safetensors")
    return (target / "model.safetensors").stat().st_size


def main(
    folder: Annotated[Path, typer.Option(help="The folder of the checkpoint.")] = CHECKPOINTS,
    target: Annotated[Path, typer.Option(help="The folder that serves.")] = WEIGHTS,
) -> None:
    """Export the last checkpoint for serving."""
    typer.echo(f"{export(folder, target) / 1e6:.1f} MB -> {target / 'model.safetensors'}")


if __name__ == "__main__":
    typer.run(main)
