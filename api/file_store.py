"""Files that callers upload and batches leave: a row in the database, the bytes in a folder.

The bytes are on the disk in full before there is a row, and a row is gone before its bytes: what a
kill leaves between the two is a file nobody knows of, which `sweep` removes a day later.
"""

import asyncio
import sqlite3
import time
import uuid
from collections.abc import Callable
from dataclasses import astuple
from typing import Any, BinaryIO

from api.batch import OPEN_STATUSES
from api.errors import ApiError, BodyTooLargeError, InvalidRequestError, NotFoundError
from api.file_folder import FileFolder
from api.state import StateDatabase, disk_failure
from api.stored_file import FileQuery, StoredFile

UPLOADS_EXPIRE_S = 30 * 86_400
"""As with OpenAI, unless the upload says otherwise."""

_COLUMNS = "id, purpose, filename, num_bytes, created_at, expires_at"
_ALIVE = "(expires_at IS NULL OR expires_at > ?)"


class FileStore:
    """Raises UnavailableError where the database cannot be read or written."""

    def __init__(
        self,
        database: StateDatabase,
        folder: FileFolder,
        *,
        max_total_bytes: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.folder = folder
        self._database = database
        self._max_total_bytes = max_total_bytes
        self._now = now

    async def upload(self, source: BinaryIO, filename: str, expires_s: int | None) -> StoredFile:
        """Keeps what a caller sent, for batches. Raises BodyTooLargeError when all is full."""
        file_id, now = new_file_id(), int(self._now())
        try:
            num_bytes = await asyncio.to_thread(self.folder.keep_copy, source, file_id)
        except OSError as error:
            raise disk_failure(error) from error
        expires_at = now + (UPLOADS_EXPIRE_S if expires_s is None else expires_s)
        file = StoredFile(file_id, "batch", filename, num_bytes, now, expires_at)

        def add(connection: sqlite3.Connection) -> None:
            used = connection.execute("SELECT COALESCE(SUM(num_bytes), 0) FROM files").fetchone()[0]
            if used + num_bytes > self._max_total_bytes:
                raise BodyTooLargeError(
                    f"the file has {num_bytes} bytes, and {used} of the {self._max_total_bytes} "
                    "that this service keeps are taken. Delete files that are no longer needed.",
                    param="file",
                )
            insert_file(connection, file)

        try:
            await self._database.run(add)
        except ApiError:
            self.folder.remove(file_id)
            raise
        return file

    async def get(self, file_id: str) -> StoredFile:
        """Raises NotFoundError, also for one that has expired."""

        def select(connection: sqlite3.Connection) -> sqlite3.Row | None:
            row: sqlite3.Row | None = connection.execute(
                f"SELECT {_COLUMNS} FROM files WHERE id = ? AND {_ALIVE}", (file_id, self._now())
            ).fetchone()
            return row

        if (row := await self._database.run(select)) is None:
            raise _unknown(file_id)
        return StoredFile(*row)

    async def page(self, query: FileQuery) -> tuple[list[StoredFile], bool]:
        """A page, and whether more follow. Raises NotFoundError for an unknown `after`."""
        compare = "<" if query.order == "desc" else ">"

        def select(connection: sqlite3.Connection) -> list[sqlite3.Row]:
            where = _ALIVE
            values: list[Any] = [self._now()]
            if query.purpose is not None:
                where, values = f"{where} AND purpose = ?", [*values, query.purpose]
            if query.after is not None:
                row = connection.execute("SELECT seq FROM files WHERE id = ?", (query.after,))
                if (found := row.fetchone()) is None:
                    raise _unknown(query.after)
                where, values = f"{where} AND seq {compare} ?", [*values, found["seq"]]
            return connection.execute(
                f"SELECT {_COLUMNS} FROM files WHERE {where} ORDER BY seq {query.order} LIMIT ?",
                [*values, query.limit + 1],
            ).fetchall()

        rows = await self._database.run(select)
        return [StoredFile(*row) for row in rows[: query.limit]], len(rows) > query.limit

    async def delete(self, file_id: str) -> None:
        """Raises NotFoundError, and InvalidRequestError for one that a batch still reads."""

        def delete(connection: sqlite3.Connection) -> None:
            reader = connection.execute(
                f"SELECT id FROM batches WHERE input_file_id = ? AND status IN {OPEN_STATUSES}",
                (file_id,),
            ).fetchone()
            if reader is not None:
                raise InvalidRequestError(
                    f"{file_id} is read by {reader['id']}, which has not ended. Cancel that first.",
                    param="file_id",
                    code="file_in_use",
                )
            if not connection.execute("DELETE FROM files WHERE id = ?", (file_id,)).rowcount:
                raise _unknown(file_id)

        await self._database.run(delete)
        self.folder.remove(file_id)

    async def sweep(self) -> None:
        """Removes what has expired and is read by no batch, and what a kill left behind."""

        def expire(connection: sqlite3.Connection) -> set[str]:
            connection.execute(
                f"""DELETE FROM files WHERE expires_at <= ? AND id NOT IN (
                    SELECT input_file_id FROM batches WHERE status IN {OPEN_STATUSES})""",
                (self._now(),),
            )
            return {row["id"] for row in connection.execute("SELECT id FROM files")}

        known = await self._database.run(expire)
        await asyncio.to_thread(self.folder.remove_abandoned, known)


def new_file_id() -> str:
    return f"file-{uuid.uuid4().hex}"


def insert_file(connection: sqlite3.Connection, file: StoredFile) -> None:
    """The row of a file whose bytes are kept. A second time it changes nothing."""
    connection.execute(
        f"INSERT OR IGNORE INTO files ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", astuple(file)
    )


def _unknown(file_id: str) -> NotFoundError:
    return NotFoundError(f"there is no file {file_id!r:.80}.", param="file_id")
