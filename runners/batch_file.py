"""A batch from one file to another: what is still to be done, and each answer written once.

The output is also the record of what is done. A line is there in full or not at all: one that a
kill has torn is cut off before anything is added. A lock on it keeps a second run away.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import orjson

from runners.batch_line import BatchAnswer, BatchLine
from runners.errors import BatchLineError, OfflineError


def read_batch(path: Path) -> Iterator[BatchLine]:
    """Its lines in order, blank ones left out. Raises OfflineError naming the line at fault."""
    seen: dict[str, int] = {}
    with _opened(path) as file:
        for number, written in enumerate(file, start=1):
            if not written.strip():
                continue
            try:
                line = BatchLine.parse(written)
            except BatchLineError as error:
                raise OfflineError(f"{path.name}, line {number}: {error}") from None
            if (first := seen.setdefault(line.custom_id, number)) != number:
                raise OfflineError(
                    f"{path.name}, line {number}: custom_id {line.custom_id!r:.80} is that of line "
                    f"{first} too; each line needs one of its own."
                )
            yield line


class AnswerFile:
    """A context manager; on entry it knows what earlier runs have answered."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.answered: set[str] = set()
        """custom_ids."""
        self.num_refused = 0

    def write(self, answer: BatchAnswer) -> None:
        """Behind all others, in full or not at all. Raises OSError."""
        written = answer.written()
        end = self._file.tell()
        try:
            if self._file.write(written) < len(written):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            self._file.truncate(end)
            raise
        self._count(answer.custom_id, answer.status_code)

    def __enter__(self) -> Self:
        """Raises OfflineError for a file that is not ours to add to."""
        try:
            self._file = self._path.open("ab", buffering=0)
        except OSError as error:
            raise OfflineError(f"{self._path}: {error.strerror}.") from None
        try:
            self._lock()
            self._read()
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.fsync(self._file.fileno())
        self._file.close()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OfflineError(f"{self._path}: another run is writing to it.") from None

    def _read(self) -> None:
        end = 0
        with self._path.open("rb") as file:
            for number, written in enumerate(file, start=1):
                if not written.endswith(b"\n"):
                    break  # the last, torn
                self._note(number, written)
                end += len(written)
        self._file.truncate(end)

    def _note(self, number: int, written: bytes) -> None:
        try:
            line = orjson.loads(written)
            self._count(line["custom_id"], line["response"]["status_code"])
        except (ValueError, KeyError, TypeError):
            raise OfflineError(
                f"{self._path.name}, line {number}, is no answer of a batch. Name another file to "
                "write to, or remove this one."
            ) from None

    def _count(self, custom_id: str, status_code: int) -> None:
        self.answered.add(custom_id)
        self.num_refused += status_code != 200


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise OfflineError(f"{path}: {error.strerror}.") from None
