"""Batches as callers see them: made, looked at, listed, cancelled. `api/batch_journal.py` has what
their worker does to the same rows."""

import json
import sqlite3
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from api.batch import COLUMNS, OPEN_STATUSES, Batch
from api.errors import InvalidRequestError, NotFoundError, OverloadedError
from api.file_store import new_file_id
from api.state import StateDatabase

WINDOW_S = 86_400
"""The completion window, of which OpenAI has one: 24h."""

RETRY_FULL_S = 60.0


@dataclass(frozen=True, slots=True)
class NewBatch:
    endpoint: str
    input_file_id: str
    metadata: dict[str, str] | None
    output_expires_s: int | None


class BatchStore:
    def __init__(
        self, database: StateDatabase, *, max_open: int, now: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._max_open = max_open
        self._now = now

    async def create(self, new: NewBatch) -> Batch:
        """Raises InvalidRequestError for a file that is not there, and OverloadedError when too
        many wait."""
        batch_id, now = f"batch_{uuid.uuid4().hex}", int(self._now())
        metadata = None if new.metadata is None else json.dumps(new.metadata)

        def insert(connection: sqlite3.Connection) -> Batch:
            _check_input(connection, new.input_file_id, now)
            num_open = connection.execute(
                f"SELECT COUNT(*) FROM batches WHERE status IN {OPEN_STATUSES}"
            ).fetchone()[0]
            if num_open >= self._max_open:
                raise OverloadedError(
                    f"{num_open} batches have not ended, which is this service's limit. Wait for "
                    "one of them, or cancel one.",
                    retry_after_s=RETRY_FULL_S,
                )
            connection.execute(
                "INSERT INTO batches (id, endpoint, input_file_id, metadata, output_expires_s, "
                "output_file_id, error_file_id, status, created_at, expires_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, 'validating', ?, ?)",
                (
                    batch_id,
                    new.endpoint,
                    new.input_file_id,
                    metadata,
                    new.output_expires_s,
                    new_file_id(),
                    new_file_id(),
                    now,
                    now + WINDOW_S,
                ),
            )
            return get_batch(connection, batch_id)

        return await self._database.run(insert)

    async def get(self, batch_id: str) -> Batch:
        """Raises NotFoundError."""
        return await self._database.run(lambda connection: get_batch(connection, batch_id))

    async def page(self, after: str | None, limit: int) -> tuple[list[Batch], bool]:
        """The newest first, and whether more follow. Raises NotFoundError for an unknown
        `after`."""

        def select(connection: sqlite3.Connection) -> list[sqlite3.Row]:
            before = None if after is None else get_batch(connection, after).seq
            return connection.execute(
                f"SELECT {COLUMNS} FROM batches WHERE ?1 IS NULL OR seq < ?1 "
                "ORDER BY seq DESC LIMIT ?2",
                (before, limit + 1),
            ).fetchall()

        rows = await self._database.run(select)
        return [Batch(*row) for row in rows[:limit]], len(rows) > limit

    async def cancel(self, batch_id: str) -> Batch:
        """As far as it has not begun to end. Raises NotFoundError."""

        def update(connection: sqlite3.Connection) -> Batch:
            get_batch(connection, batch_id)
            connection.execute(
                "UPDATE batches SET status = 'cancelling', ending = 'cancelled', cancelling_at = ? "
                "WHERE id = ? AND status IN ('validating', 'in_progress')",
                (int(self._now()), batch_id),
            )
            return get_batch(connection, batch_id)

        return await self._database.run(update)


def get_batch(connection: sqlite3.Connection, batch_id: str) -> Batch:
    """Raises NotFoundError."""
    row = connection.execute(f"SELECT {COLUMNS} FROM batches WHERE id = ?", (batch_id,)).fetchone()
    if row is None:
        raise NotFoundError(f"there is no batch {batch_id!r:.80}.", param="batch_id")
    return Batch(*row)


def _check_input(connection: sqlite3.Connection, file_id: str, now: int) -> None:
    """In the transaction that makes the batch: from then on the file cannot be deleted."""
    row = connection.execute(
        "SELECT purpose FROM files WHERE id = ? AND (expires_at IS NULL OR expires_at > ?)",
        (file_id, now),
    ).fetchone()
    if row is None or row["purpose"] != "batch":
        reason = "there is no such file" if row is None else f"its purpose is {row['purpose']!r}"
        raise InvalidRequestError(
            f"input_file_id is {file_id!r:.80}: {reason}. Upload one with the purpose 'batch'.",
            param="input_file_id",
        )
