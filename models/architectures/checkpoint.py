"""A folder of safetensors weights, read one tensor at a time and trusted in nothing.

Every error names the file and the tensor at fault. Pickle files are never opened.
"""

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from models.errors import CheckpointError, UnsupportedModelError

SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
_PICKLE_SUFFIXES = {".bin", ".pt", ".pth", ".pkl", ".ckpt"}


class Checkpoint:
    """Checks every file at once, so a truncated shard is found before anything is loaded.

    Files are mapped into memory anew for every tensor: what was read counts as this process's
    memory until its mapping ends, so one mapping for all would come to the checkpoint's size. Copy
    a tensor that is to stay, or it keeps its mapping.
    """

    def __init__(self, folder: Path, digests: Mapping[str, str] | None = None) -> None:
        """With `digests`, of all tensors by name, each is verified as it is read. Raises
        UnsupportedModelError for pickle alone, CheckpointError for damaged files."""
        self.folder = folder
        self._digests = digests
        self._file_of: dict[str, Path] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._dtypes: dict[str, str] = {}
        for name in _weight_files(folder):
            with _open(folder / name) as file:
                for tensor in file.keys():
                    self._file_of[tensor] = folder / name
                    header = file.get_slice(tensor)
                    self._shapes[tensor] = tuple(header.get_shape())
                    self._dtypes[tensor] = header.get_dtype()
        self._unread = set(self._file_of)

    def __contains__(self, name: str) -> bool:
        return name in self._file_of

    def __iter__(self) -> Iterator[str]:
        """Names of tensors, in the order of their files."""
        return iter(self._file_of)

    def shape(self, name: str) -> tuple[int, ...]:
        return self._shapes[name]

    def dtype(self, name: str) -> str:
        """As safetensors calls it: F32, BF16, I8 ..."""
        return self._dtypes[name]

    def with_modules_of(self, others: Mapping[str, "Checkpoint"]) -> "Checkpoint":
        """The same, but the weight of each module in `others` is the quantised one that lies in
        that checkpoint: a mix can be tried without being written."""
        mixed = copy.copy(self)
        mixed._file_of, mixed._shapes = dict(self._file_of), dict(self._shapes)
        for module, other in others.items():
            mixed._file_of.pop(f"{module}.weight", None)
            for name in other:
                if name.startswith(f"{module}.weight._"):
                    mixed._file_of[name] = other._file_of[name]
                    mixed._shapes[name] = other._shapes[name]
        mixed._unread = set(mixed._file_of)
        return mixed

    @property
    def num_elements(self) -> int:
        """Numbers stored in all tensors together."""
        return sum(torch.Size(shape).numel() for shape in self._shapes.values())

    @property
    def num_bytes(self) -> int:
        """Of all files together."""
        return sum(path.stat().st_size for path in set(self._file_of.values()))

    def tensor(self, name: str, shape: tuple[int, ...]) -> torch.Tensor:
        """The tensor as stored, on the CPU. Raises CheckpointError unless of `shape`, finite and as
        its digest says."""
        if name not in self._file_of:
            raise CheckpointError(
                f"{self.folder}: tensor {name} is missing; the config asks for shape {list(shape)}."
            )
        file = self._file_of[name]
        found = self._shapes[name]
        if found != shape:
            raise CheckpointError(
                f"{file}: tensor {name} has shape {list(found)}; the config asks for {list(shape)}."
            )
        with _open(file) as opened:
            tensor: torch.Tensor = opened.get_tensor(name)
        if self._digests is not None and self._digests.get(name) != tensor_digest(tensor):
            raise CheckpointError(
                f"{file}: tensor {name} is not the one that card.json describes: its "
                "digest differs. Fetch or make the model again."
            )
        if tensor.is_floating_point() and not _is_finite(tensor):
            raise CheckpointError(
                f"{file}: tensor {name} holds NaN or infinity. Fetch the file again."
            )
        self._unread.discard(name)
        return tensor

    def read(self, name: str) -> torch.Tensor:
        """A tensor of whatever shape it has. Raises CheckpointError."""
        return self.tensor(name, self._shapes[name])

    def check_finite(self) -> None:
        """Raises CheckpointError at the first tensor with a NaN or infinity; reads them all."""
        for name in self._file_of:
            self.read(name)

    def skip(self, *suffixes: str) -> None:
        """Tensors ending so are known and not needed."""
        self._unread = {name for name in self._unread if not name.endswith(suffixes)}

    def check_all_read(self) -> None:
        """Raises CheckpointError if a tensor was neither read nor skipped: config and weights are
        not of the same network."""
        if not self._unread:
            return
        name = min(self._unread)
        raise CheckpointError(
            f"{self._file_of[name]}: tensor {name} has no place in the network that "
            f"config.json describes ({len(self._unread)} such)."
        )


def tensor_digest(tensor: torch.Tensor) -> str:
    """SHA-256 over dtype, shape and bytes, in hexadecimal."""
    digest = hashlib.sha256(f"{tensor.dtype} {list(tensor.shape)} ".encode())
    digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _weight_files(folder: Path) -> list[str]:
    if (folder / INDEX_FILE).is_file():
        return _indexed_files(folder / INDEX_FILE)
    if (folder / SINGLE_FILE).is_file():
        return [SINGLE_FILE]
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in _PICKLE_SUFFIXES)
    if pickles:
        raise UnsupportedModelError(
            f"{folder} has its weights only as pickle ({pickles[0]}), which can run code when "
            "opened. Convert them to safetensors."
        )
    raise CheckpointError(f"{folder} holds neither {SINGLE_FILE} nor {INDEX_FILE}.")


def _indexed_files(index: Path) -> list[str]:
    try:
        names = sorted(set(json.loads(index.read_bytes())["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{index} is no index of safetensors files: {error!r}.") from error
    for name in names:
        if Path(name).name != name:
            raise CheckpointError(f"{index} points outside its folder: {name!r}.")
    return names


def _open(path: Path) -> Any:
    try:
        return safe_open(path, framework="pt")
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing; the index lists it.") from None
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is damaged or cut short: {error}. Fetch the file again."
        ) from error


def _is_finite(tensor: torch.Tensor) -> bool:
    """The extremes are finite if and only if all is, and finding them allocates nothing."""
    if tensor.numel() == 0:
        return True
    if tensor.dtype.itemsize == 1:  # aminmax does not exist for float8
        tensor = tensor.to(torch.bfloat16)
    low, high = tensor.aminmax()
    return bool(low.isfinite() & high.isfinite())
