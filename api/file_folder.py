"""The bytes of files, by id, in one private folder. Everything here blocks and raises OSError."""

import contextlib
import os
import shutil
import time
import uuid
from collections.abc import Callable, Collection
from pathlib import Path
from typing import BinaryIO

from api.state import make_private

ABANDONED_S = 86_400
"""What nobody knows of is nobody's after so long."""


class FileFolder:
    def __init__(self, folder: Path, now: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._now = now

    def path(self, file_id: str) -> Path:
        """Where the bytes are; the id must be one that was given out."""
        return self._folder / file_id

    def open_part(self) -> BinaryIO:
        """A new file to write to, and then to hand to `keep`."""
        make_private(self._folder)
        return (self._folder / f"{uuid.uuid4().hex}.part").open("xb")

    def keep(self, part: BinaryIO, file_id: str) -> int:
        """Under its final name for good: after a power cut all its bytes are there, or none.
        Returns how many."""
        part.flush()
        num_bytes = part.tell()
        os.fsync(part.fileno())
        part.close()
        Path(part.name).rename(self.path(file_id))
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name, too
        finally:
            os.close(folder)
        return num_bytes

    def keep_copy(self, source: BinaryIO, file_id: str) -> int:
        """As `keep`, of what is to be read from `source`; no part stays behind when it fails."""
        part = self.open_part()
        try:
            shutil.copyfileobj(source, part)
            return self.keep(part, file_id)
        except BaseException:
            self.discard(part)
            raise

    def discard(self, part: BinaryIO) -> None:
        """What will not be kept: on a full disk it would stand in its own way."""
        with contextlib.suppress(OSError):
            part.close()  # which writes what is buffered
        Path(part.name).unlink(missing_ok=True)

    def remove(self, file_id: str) -> None:
        """Harmless if it is not there."""
        self.path(file_id).unlink(missing_ok=True)

    def remove_abandoned(self, known: Collection[str]) -> None:
        """All but `known` that a kill left behind."""
        for path in self._folder.glob("*"):
            if path.name not in known and self._now() - path.stat().st_mtime > ABANDONED_S:
                path.unlink(missing_ok=True)
