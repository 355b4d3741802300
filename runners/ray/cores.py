"""Which of a machine's cores one replica computes on.

Ray counts cores, but does not say which are whose; and an engine that thinks it has them all takes
them from its neighbours, where one thread that waits for its core holds up all of its product. So
each replica reserves as many as Ray has granted it, by locks on files that end with the process.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import sample
from typing import BinaryIO


class CoreReservation:
    """For as long as this object or its process lives."""

    def __init__(self, num_cores: int, folder: Path | None = None) -> None:
        """Where others have reserved too many, some are shared: Ray may have been told of more
        cores than there are. `folder` is one for all processes of this user."""
        folder = folder or Path(tempfile.gettempdir()) / f"kamado-cores-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        usable = sorted(os.sched_getaffinity(0))
        self._locks: list[BinaryIO] = []
        self.cores: set[int] = set()
        for core in usable:
            if len(self.cores) < num_cores and self._reserve(folder / f"core-{core}"):
                self.cores.add(core)
        shared = [core for core in usable if core not in self.cores]
        missing = min(num_cores - len(self.cores), len(shared))
        self.cores.update(sample(shared, missing))

    @contextmanager
    def applied(self) -> Iterator[None]:
        """To the threads that are started within, and to theirs."""
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, self.cores)
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)

    def release(self) -> None:
        for lock in self._locks:
            lock.close()

    def _reserve(self, path: Path) -> bool:
        file = path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._locks.append(file)
        return True
