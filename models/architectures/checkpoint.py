"""A folder of safetensors weights, read one tensor at a time and trusted in nothing.

Every error names the file and the tensor at fault. Pickle files are never opened.
"""

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch

from models.architectures.early_digests import EarlyDigests
from models.architectures.stored_tensor import (
    StoredTensor,
    is_finite,
    stored_tensors,
    tensor_digest,
)
from models.architectures.weight_files import weight_files
from models.errors import CardError, CheckpointError


class Checkpoint:
    """Checks every file at once, so a truncated shard is found before anything is loaded."""

    def __init__(
        self,
        folder: Path,
        digests: Mapping[str, str] | None = None,
        early: EarlyDigests | None = None,
    ) -> None:
        """With `digests`, of all tensors by name, each is verified as it is read, by what `early`
        has computed of it already or else at once. Raises UnsupportedModelError for pickle alone,
        CheckpointError for damaged files."""
        self.folder = folder
        self._digests = digests
        self._early = early
        self._stored: dict[str, StoredTensor] = {}
        for name in weight_files(folder):
            self._stored |= stored_tensors(folder / name)
        self._unread = set(self._stored)

    def __contains__(self, name: str) -> bool:
        return name in self._stored

    def __iter__(self) -> Iterator[str]:
        """Names of tensors, in the order of their files."""
        return iter(self._stored)

    def shape(self, name: str) -> tuple[int, ...]:
        return self._stored[name].shape

    def dtype(self, name: str) -> str:
        """As safetensors calls it: F32, BF16, I8 ..."""
        return self._stored[name].dtype

    def with_modules_of(self, others: Mapping[str, "Checkpoint"]) -> "Checkpoint":
        """The same, but the weight of each module in `others` is the quantised one that lies in
        that checkpoint: a mix can be tried without being written."""
        mixed = copy.copy(self)
        mixed._stored = dict(self._stored)
        for module, other in others.items():
            mixed._stored.pop(f"{module}.weight", None)
            mixed._stored |= {
                name: stored
                for name, stored in other._stored.items()
                if name.startswith(f"{module}.weight._")
            }
        mixed._unread = set(mixed._stored)
        return mixed

    @property
    def num_elements(self) -> int:
        """Numbers stored in all tensors together."""
        return sum(math.prod(stored.shape) for stored in self._stored.values())

    @property
    def num_bytes(self) -> int:
        """Of all files together."""
        return sum(path.stat().st_size for path in {s.path for s in self._stored.values()})

    def tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        part: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """The tensor as stored, on the CPU, or the part that `part` takes of it: unless a digest
        asks for the whole, nothing else is read. Raises CheckpointError unless of `shape` and
        finite, CardError unless as its digest says."""
        stored = self._stored.get(name)
        if stored is None:
            raise CheckpointError(
                f"{self.folder}: tensor {name} is missing; the config asks for shape {list(shape)}."
            )
        if stored.shape != shape:
            raise CheckpointError(
                f"{stored.path}: tensor {name} has shape {list(stored.shape)}; "
                f"the config asks for {list(shape)}."
            )
        tensor = stored.read()
        if self._digests is not None and self._digests.get(name) != self._digest(stored, tensor):
            raise CardError(
                f"{stored.path.name}: tensor {name} is not the one that card.json describes: its "
                "digest differs. Fetch or make the model again, or serve with digests=false."
            )
        if part is not None:
            tensor = part(tensor)
        if not is_finite(tensor):
            raise CheckpointError(
                f"{stored.path}: tensor {name} holds NaN or infinity. Fetch the file again."
            )
        self._unread.discard(name)
        return tensor

    def _digest(self, stored: StoredTensor, tensor: torch.Tensor) -> str:
        digest = None if self._early is None else self._early.take(stored)
        return tensor_digest(tensor) if digest is None else digest

    def read(self, name: str) -> torch.Tensor:
        """A tensor of whatever shape it has. Raises CheckpointError."""
        return self.tensor(name, self.shape(name))

    def check_finite(self) -> None:
        """Raises CheckpointError at the first tensor with a NaN or infinity; reads them all."""
        for name in self._stored:
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
            f"{self._stored[name].path}: tensor {name} has no place in the network that "
            f"config.json describes ({len(self._unread)} such)."
        )
