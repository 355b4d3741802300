"""The digests of a folder's weights, computed before anyone can read them as tensors.

SHA-256 takes a second for 1.5 GB, without Python's lock: as long as another thread imports torch,
which hardly ever lets go of it. Whoever reads them then finds the files in memory, too.
"""

import threading
from concurrent.futures import Future
from pathlib import Path

from models.architectures.stored_tensor import StoredTensor, stored_tensors
from models.architectures.weight_files import weight_files
from models.errors import ModelError


class EarlyDigests:
    """Computed in the order of the files, on a thread that nobody waits for."""

    def __init__(self, folder: Path) -> None:
        """A folder that cannot be read has none: whoever loads it says why."""
        self._futures: dict[StoredTensor, Future[str]] = {}
        try:
            for name in weight_files(folder):
                tensors = stored_tensors(folder / name).values()
                self._futures |= {stored: Future() for stored in tensors}
        except (ModelError, OSError):
            self._futures.clear()
        threading.Thread(target=self._compute, name="digests", daemon=True).start()

    def take(self, stored: StoredTensor) -> str | None:
        """The digest, waited for if it is just being computed. None if it is still to come, or
        failed: it is the caller's then, and two threads compute."""
        future = self._futures.get(stored)
        if future is None or future.cancel() or future.exception() is not None:
            return None
        return future.result()

    def close(self) -> None:
        """Compute no more."""
        for future in self._futures.values():
            future.cancel()

    def _compute(self) -> None:
        for stored, future in self._futures.items():
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(stored.digest())
                except Exception as error:
                    future.set_exception(error)
