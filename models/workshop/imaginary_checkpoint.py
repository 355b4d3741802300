"""A checkpoint whose numbers are made up: names, shapes and dtypes of a real one, and none of its
bytes read. Speed does not depend on the numbers."""

from collections.abc import Mapping

import torch

from models.architectures.checkpoint import Checkpoint

_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


class ImaginaryCheckpoint(Checkpoint):
    def tensor(self, name: str, shape: tuple[int, ...]) -> torch.Tensor:
        kind = self.dtype(name)
        if kind in _DTYPES:
            return torch.full(shape, 0.01, dtype=_DTYPES[kind])
        if kind == "F8_E4M3":
            return torch.ones(shape).to(torch.float8_e4m3fn)
        return torch.ones(shape, dtype=torch.uint8 if kind == "U8" else torch.int8)

    def check_all_read(self) -> None:
        """Most of it is not wanted."""


def bytes_in_memory(
    checkpoint: Checkpoint, shapes: Mapping[str, tuple[int, int]], quantization: str | None
) -> int:
    """What the weights take once they are loaded: as they are stored, or, where a scheme is asked
    for, the matrices that are floats in that. The scales of a scheme at load are left out."""
    bits = {"int8": 8, "int4": 4}
    total = 0
    for name in checkpoint:
        numbers = torch.Size(checkpoint.shape(name)).numel()
        is_matrix = name.removesuffix(".weight") in shapes
        if quantization is not None and is_matrix:
            total += numbers * bits[quantization] // 8
        elif checkpoint.dtype(name) == "F8_E4M3":
            total += numbers * 2  # run as bf16
        else:
            total += numbers * _itemsize(checkpoint.dtype(name))
    return total


def _itemsize(kind: str) -> int:
    return _DTYPES[kind].itemsize if kind in _DTYPES else 1
