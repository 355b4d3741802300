"""Where the weights to be stored come from: floats, or what another tool has quantised already."""

from typing import Protocol

import torch

from models.architectures.checkpoint import Checkpoint
from models.quantization.int4_weight import Int4Weight
from models.quantization.int8_weight import Int8Weight
from models.workshop.stored_form import StoredForm


class WeightSource(Protocol):
    checkpoint: Checkpoint

    def form(self, module: str, shape: tuple[int, int]) -> StoredForm | None:
        """What `module` is quantised as already, and stays; None: it is floats."""
        ...

    def tensors(self, module: str) -> tuple[str, ...]:
        """Names that stand for `module`.weight in the checkpoint; the result replaces them."""
        ...

    def weight(
        self, module: str, shape: tuple[int, int]
    ) -> torch.Tensor | Int8Weight | Int4Weight: ...


class FloatSource:
    """A plain checkpoint."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint

    def form(self, module: str, shape: tuple[int, int]) -> StoredForm | None:
        return None

    def tensors(self, module: str) -> tuple[str, ...]:
        name = f"{module}.weight"
        return (name,) if name in self.checkpoint else ()

    def weight(self, module: str, shape: tuple[int, int]) -> torch.Tensor:
        return self.checkpoint.tensor(f"{module}.weight", shape)
