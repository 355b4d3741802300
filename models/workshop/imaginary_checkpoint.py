"""A checkpoint whose numbers are made up: names, shapes and dtypes of a real one, and none of its
bytes read. Speed does not depend on the numbers."""

from collections.abc import Callable

import torch

from models.architectures.checkpoint import Checkpoint

_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


class ImaginaryCheckpoint(Checkpoint):
    def tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        part: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> torch.Tensor:
        made_up = _made_up(self.dtype(name), shape)
        return made_up if part is None else part(made_up)

    def check_all_read(self) -> None:
        """Most of it is not wanted."""


def _made_up(kind: str, shape: tuple[int, ...]) -> torch.Tensor:
    """`kind` as safetensors calls it."""
    if kind in _DTYPES:
        return torch.full(shape, 0.01, dtype=_DTYPES[kind])
    if kind == "F8_E4M3":
        return torch.ones(shape).to(torch.float8_e4m3fn)
    return torch.ones(shape, dtype=torch.uint8 if kind == "U8" else torch.int8)
