"""Where a tensor lies in a safetensors file, and how it is read from there.

safetensors checks the file. It would read a header of hundreds of entries anew for every tensor, or
map the whole file, whose pages then count as this process's memory; so the tensor's own bytes are
mapped, by their place.

Importing this is quick: torch is imported where tensors are made.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy
from safetensors import SafetensorError, safe_open

from models.errors import CheckpointError

if TYPE_CHECKING:
    import torch

_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}
"""Torch's names by those of safetensors."""


@dataclass(frozen=True, slots=True)
class StoredTensor:
    path: Path
    dtype: str
    """As safetensors calls it: F32, BF16, I8 ..."""
    shape: tuple[int, ...]
    start: int
    """In the file, in bytes."""
    num_bytes: int

    def read(self) -> "torch.Tensor":
        """On the CPU, mapped for as long as the tensor lives: copy one that is to stay. Raises
        CheckpointError for a dtype that is not known, or a file that has become shorter."""
        import torch

        dtype: torch.dtype = getattr(torch, self._dtype_name())
        if not self.num_bytes:
            return torch.empty(self.shape, dtype=dtype)
        return torch.from_numpy(self._content()).view(dtype).view(self.shape)

    def digest(self) -> str:
        """As `tensor_digest` has it, without torch. Raises CheckpointError as `read` does."""
        digest = _digest_of(f"torch.{self._dtype_name()}", self.shape)
        if self.num_bytes:
            digest.update(self._content().data)
        return digest.hexdigest()

    def _dtype_name(self) -> str:
        name = _DTYPES.get(self.dtype)
        if name is None:
            raise CheckpointError(
                f"{self.path} has numbers of type {self.dtype}, which are not read here. Choose "
                f"a checkpoint in one of {', '.join(_DTYPES)}."
            )
        return name

    def _content(self) -> numpy.ndarray:
        """Mapped; there are some, for none cannot be."""
        try:
            return numpy.memmap(self.path, numpy.uint8, "c", self.start, (self.num_bytes,))
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"{self.path} has been cut short or removed: {error}. Fetch the file again."
            ) from error


def stored_tensors(path: Path) -> dict[str, StoredTensor]:
    """Of a file, by name. Raises CheckpointError unless it is whole."""
    try:
        with safe_open(path, framework="numpy"), path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length))
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing; the index lists it.") from None
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is damaged or cut short: {error}. Fetch the file again."
        ) from error
    header.pop("__metadata__", None)
    found = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        shape = tuple(entry["shape"])
        found[name] = StoredTensor(path, entry["dtype"], shape, 8 + length + start, end - start)
    return found


def tensor_digest(tensor: "torch.Tensor") -> str:
    """SHA-256 over dtype, shape and bytes, in hexadecimal."""
    import torch

    digest = _digest_of(str(tensor.dtype), tensor.shape)
    digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _digest_of(dtype: str, shape: Sequence[int]) -> "hashlib._Hash":
    """What a digest begins with."""
    return hashlib.sha256(f"{dtype} {list(shape)} ".encode())


def is_finite(tensor: "torch.Tensor") -> bool:
    """The extremes are finite if and only if all is, and finding them allocates nothing."""
    import torch

    if tensor.numel() == 0 or not tensor.is_floating_point():
        return True
    if tensor.dtype.itemsize == 1:  # aminmax does not exist for float8
        tensor = tensor.to(torch.bfloat16)
    low, high = tensor.aminmax()
    return bool(low.isfinite() & high.isfinite())
