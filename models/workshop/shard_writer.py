"""Writes a safetensors file tensor by tensor, so that a file of any size passes through the memory
of one tensor.

The format (https://github.com/huggingface/safetensors): the header's length as a little-endian
64-bit number, the header as JSON, the tensors' bytes without gaps.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import torch

_SIZES = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2}
"""Bytes per number, by safetensors' names of dtypes; of all others 1."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    dtype: str
    """As safetensors calls it: F32, BF16, I8 ..."""
    shape: tuple[int, ...]

    @property
    def itemsize(self) -> int:
        return _SIZES.get(self.dtype, 1)

    @property
    def num_bytes(self) -> int:
        return math.prod(self.shape) * self.itemsize


class ShardWriter:
    """`with ShardWriter(path, specs) as shard: shard.write(name, tensor)` for each of `specs`, in
    any order. The file appears under its name once it is complete."""

    def __init__(self, path: Path, specs: Mapping[str, TensorSpec]) -> None:
        self._path = path
        self._unfinished = path.with_name(f"{path.name}.unfinished")
        self._specs = specs
        self._missing = set(specs)
        header, self._offsets = _layout(specs)
        self._file = self._unfinished.open("wb")
        self._file.write(header)

    def write(self, name: str, tensor: torch.Tensor) -> None:
        spec = self._specs[name]
        assert tuple(tensor.shape) == spec.shape, name
        assert tensor.nbytes == spec.num_bytes, name
        self._file.seek(self._offsets[name])
        self._file.write(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
        self._missing.discard(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        if error is not None:
            self._unfinished.unlink()
            return
        assert not self._missing, f"never written: {sorted(self._missing)}"
        self._unfinished.rename(self._path)


def _layout(specs: Mapping[str, TensorSpec]) -> tuple[bytes, dict[str, int]]:
    """The file's beginning, and where each tensor starts in it. Wide numbers come first, so that
    all are aligned."""
    offset = 0
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    starts: dict[str, int] = {}
    for name, spec in sorted(specs.items(), key=lambda item: -item[1].itemsize):
        starts[name] = offset
        entries[name] = {
            "dtype": spec.dtype,
            "shape": list(spec.shape),
            "data_offsets": [offset, offset + spec.num_bytes],
        }
        offset += spec.num_bytes
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    header = len(text).to_bytes(8, "little") + text
    return header, {name: len(header) + start for name, start in starts.items()}
