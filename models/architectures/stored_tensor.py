"""Where a tensor lies in a safetensors file, and how it is read from there.

safetensors checks the file. It would read a header of hundreds of entries anew for every tensor, or
map the whole file, whose pages then count as this process's memory; so the tensor's own bytes are
mapped, by their place.
"""

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy
import torch
from safetensors import SafetensorError, safe_open

from models.errors import CheckpointError

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


@dataclass(frozen=True, slots=True)
class StoredTensor:
    path: Path
    dtype: str
    """As safetensors calls it: F32, BF16, I8 ..."""
    shape: tuple[int, ...]
    start: int
    """In the file, in bytes."""

    def read(self) -> torch.Tensor:
        """On the CPU, mapped for as long as the tensor lives: copy one that is to stay. Raises
        CheckpointError for a dtype that is not known, or a file that has become shorter."""
        dtype = _DTYPES.get(self.dtype)
        if dtype is None:
            raise CheckpointError(
                f"{self.path} has numbers of type {self.dtype}, which are not read here. Choose "
                f"a checkpoint in one of {', '.join(_DTYPES)}."
            )
        num_bytes = math.prod(self.shape) * dtype.itemsize
        if num_bytes == 0:  # which cannot be mapped
            return torch.empty(self.shape, dtype=dtype)
        try:
            content = numpy.memmap(self.path, numpy.uint8, "c", self.start, (num_bytes,))
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"{self.path} has been cut short or removed: {error}. Fetch the file again."
            ) from error
        return torch.from_numpy(content).view(dtype).view(self.shape)


def stored_tensors(path: Path) -> dict[str, StoredTensor]:
    """Of a file, by name. Raises CheckpointError unless it is whole."""
    try:
        with safe_open(path, framework="pt"), path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length))
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing; the index lists it.") from None
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is damaged or cut short: {error}. Fetch the file again."
        ) from error
    header.pop("__metadata__", None)
    return {
        name: StoredTensor(
            path, entry["dtype"], tuple(entry["shape"]), 8 + length + entry["data_offsets"][0]
        )
        for name, entry in header.items()
    }


def tensor_digest(tensor: torch.Tensor) -> str:
    """SHA-256 over dtype, shape and bytes, in hexadecimal."""
    digest = hashlib.sha256(f"{tensor.dtype} {list(tensor.shape)} ".encode())
    digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def is_finite(tensor: torch.Tensor) -> bool:
    """The extremes are finite if and only if all is, and finding them allocates nothing."""
    if tensor.numel() == 0 or not tensor.is_floating_point():
        return True
    if tensor.dtype.itemsize == 1:  # aminmax does not exist for float8
        tensor = tensor.to(torch.bfloat16)
    low, high = tensor.aminmax()
    return bool(low.isfinite() & high.isfinite())
