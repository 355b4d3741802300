"""The processes that hold a model together, and what they exchange in the midst of a forward pass.

Rank 0 is the process that serves; the others follow it. Over gloo on CPUs, which is bound to the
loopback address, and over NCCL on CUDA devices.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import distributed
from torch.distributed import FileStore  # type: ignore[attr-defined]

TIMEOUT = timedelta(seconds=60)
"""Ranks do equal work in step: one that is so late will not come."""
_LOOPBACK = "127.0.0.1"


class RankLostError(BaseException):
    """One of the processes is gone, or out of step with the others: none of them can go on.

    Not an Exception, for it is no fault of one request, and whatever confines those to their
    request must let it pass.
    """


class Ranks:
    """This process's place among them. `connect` comes before the first exchange."""

    def __init__(self, rank: int, size: int) -> None:
        self.rank = rank
        self.size = size
        self._group: _Group | None = None

    def connect(
        self, meeting_point: Path, device: torch.device, timeout: timedelta = TIMEOUT
    ) -> None:
        """Meet all others over a file that must not exist before, each of them within `timeout`,
        which then bounds every exchange. Raises RankLostError if one does not come."""
        with _or_lost():
            store = FileStore(str(meeting_point), self.size)
            store.set_timeout(timeout)
            connect = _nccl if device.type == "cuda" else _gloo
            self._group = connect(store, self.rank, self.size, timeout)
        self.sum(torch.zeros(1, device=device))  # NCCL's ranks do not meet before

    def sum(self, part: torch.Tensor) -> torch.Tensor:
        """The sum of all ranks' `part`, of one shape, freshly allocated: the same bits on every
        rank.

        Gathered, and added in the order of the ranks: an all-reduce of three or more adds each
        element in an order that depends on its place in the tensor, and a row's bits would depend
        on the rows before it.
        """
        parts = part.new_empty(self.size, *part.shape)
        with _or_lost():
            self._connected.allgather([list(parts)], [part]).wait()
        total = parts[0]
        for other in parts[1:]:
            total += other
        return total

    def gather(self, part: torch.Tensor) -> torch.Tensor | None:
        """All ranks' `part`, of one shape, on rank 0: [size, *shape]; None on the others."""
        options = distributed.GatherOptions()
        options.rootRank = 0
        parts = part.new_empty(self.size, *part.shape) if self.rank == 0 else None
        with _or_lost():
            targets = [] if parts is None else [list(parts)]
            self._connected.gather(targets, [part.contiguous()], options).wait()
        return parts

    def broadcast(self, tensor: torch.Tensor) -> None:
        """Rank 0's `tensor` into that of the others."""
        options = distributed.BroadcastOptions()
        options.rootRank = 0
        with _or_lost():
            self._connected.broadcast([tensor], options).wait()

    def close(self) -> None:
        """Before the process ends: a thread of the group's that outlived Python would abort it."""
        self._group = None

    @property
    def _connected(self) -> "_Group":
        assert self._group is not None, "the ranks have not met"
        return self._group


class _Group(Protocol):
    """What torch's process groups have in common, which its stubs do not say."""

    def allgather(
        self, targets: list[list[torch.Tensor]], sources: list[torch.Tensor], /
    ) -> Any: ...

    def gather(
        self,
        targets: list[list[torch.Tensor]],
        sources: list[torch.Tensor],
        options: distributed.GatherOptions,
        /,
    ) -> Any: ...

    def broadcast(
        self, tensors: list[torch.Tensor], options: distributed.BroadcastOptions, /
    ) -> Any: ...


def _gloo(store: FileStore, rank: int, size: int, timeout: timedelta) -> _Group:
    """Made here and not by init_process_group, which would listen on the host's own address."""
    kind: Any = distributed.ProcessGroupGloo
    options = kind._Options()
    options._devices = [kind.create_device(hostname=_LOOPBACK)]
    options._threads = 1
    options._timeout = timeout
    group: _Group = kind(store, rank, size, options)
    return group


def _nccl(store: FileStore, rank: int, size: int, timeout: timedelta) -> _Group:
    kind: Any = distributed.ProcessGroupNCCL
    options = kind.Options()
    options._timeout = timeout
    group: _Group = kind(store, rank, size, options)
    return group


@contextmanager
def _or_lost() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        reason = str(error).partition("This is typically")[0].strip()
        raise RankLostError(
            f"the ranks of tensor_parallel have lost each other: {reason}"
        ) from error
