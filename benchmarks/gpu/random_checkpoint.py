"""A checkpoint of random numbers, made on the device where they are wanted: a network's speed does
not depend on them, and 16 GB need not be read."""

from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from models.architectures.checkpoint import Checkpoint
from models.architectures.linear_shapes import linear_shapes
from models.architectures.loading import read_spec


class RandomCheckpoint(Checkpoint):
    """Holds every tensor of floats that it is asked for."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        """`folder` has the config.json."""
        spec = read_spec(folder)
        self.folder = folder
        self._device = device
        self._matrices = {
            "model.embed_tokens": (spec.vocab_size, spec.hidden_size),
            **linear_shapes(spec),
        }

    def __contains__(self, name: str) -> bool:
        return name.endswith((".weight", ".bias"))

    def __iter__(self) -> Iterator[str]:
        """Its matrices; norms and biases it has as they are asked for."""
        return (f"{module}.weight" for module in self._matrices)

    @property
    def num_elements(self) -> int:
        return sum(rows * columns for rows, columns in self._matrices.values())

    def tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        part: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """bf16 of a spread that keeps activations finite; norms are near 1."""
        made = torch.randn(shape, dtype=torch.bfloat16, device=self._device).mul_(0.02)
        if "norm" in name:
            made += 1
        return made if part is None else part(made)

    def skip(self, *suffixes: str) -> None:
        """Nothing is left over."""

    def check_all_read(self) -> None:
        """Nothing is left over."""
