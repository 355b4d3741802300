"""What the worker does to a batch's rows. Each method is one transaction, and makes its change only
from the status it belongs to: repeated after a kill, or by whoever comes second, it does nothing.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass

from api.batch import COLUMNS, OPEN_STATUSES, Batch
from api.batch_store import get_batch
from api.file_store import insert_file
from api.state import StateDatabase
from api.stored_file import StoredFile
from runners.batch_line import BatchAnswer

KEEP_S = 90 * 86_400
"""An ended batch is forgotten after so long; its files have times of their own."""


@dataclass(frozen=True, slots=True)
class LineSpan:
    """Where in the input file a line stands."""

    number: int
    """From 1, as editors count."""
    custom_id: str
    start: int
    num_bytes: int


@dataclass(frozen=True, slots=True)
class LineFault:
    """Why a file is no batch; `line` is None where the whole file is at fault."""

    code: str
    message: str
    param: str | None = None
    line: int | None = None


class BatchJournal:
    def __init__(self, database: StateDatabase, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now = now

    @property
    def exists(self) -> bool:
        """Whether there ever was a batch or a file."""
        return self._database.exists

    async def oldest_open(self) -> Batch | None:
        def select(connection: sqlite3.Connection) -> Batch | None:
            row = connection.execute(
                f"SELECT {COLUMNS} FROM batches WHERE status IN {OPEN_STATUSES} ORDER BY seq"
            ).fetchone()
            return None if row is None else Batch(*row)

        return await self._database.run(select)

    async def current(self, batch: Batch) -> Batch:
        """As it is now."""
        return await self._database.run(lambda connection: get_batch(connection, batch.id))

    def has_expired(self, batch: Batch) -> bool:
        return self._now() >= batch.expires_at

    async def fail(self, batch: Batch, faults: Sequence[LineFault]) -> None:
        """validating -> failed."""
        errors = json.dumps(
            [
                {"code": f.code, "line": f.line, "message": f.message, "param": f.param}
                for f in faults
            ]
        )
        await self._run(
            "UPDATE batches SET status = 'failed', failed_at = ?, errors = ?, "
            "output_file_id = NULL, error_file_id = NULL WHERE seq = ? AND status = 'validating'",
            int(self._now()),
            errors,
            batch.seq,
        )

    async def begin(self, batch: Batch, spans: Iterable[LineSpan], model: str | None) -> None:
        """validating -> in_progress, with all its lines."""

        def insert(connection: sqlite3.Connection) -> None:
            lines = [(batch.seq, *astuple(span)) for span in spans]
            begun = connection.execute(
                "UPDATE batches SET status = 'in_progress', in_progress_at = ?, model = ?, "
                "num_lines = ? WHERE seq = ? AND status = 'validating'",
                (int(self._now()), model, len(lines), batch.seq),
            )
            if begun.rowcount:
                connection.executemany(
                    "INSERT INTO lines (batch_seq, number, custom_id, start, num_bytes) "
                    "VALUES (?, ?, ?, ?, ?)",
                    lines,
                )

        await self._database.run(insert)

    async def open_lines(self, batch: Batch, after: int, limit: int) -> list[LineSpan]:
        """Without an answer, behind the line numbered `after`."""

        def select(connection: sqlite3.Connection) -> list[LineSpan]:
            rows = connection.execute(
                "SELECT number, custom_id, start, num_bytes FROM lines "
                "WHERE batch_seq = ? AND answer IS NULL AND number > ? ORDER BY number LIMIT ?",
                (batch.seq, after, limit),
            )
            return [LineSpan(*row) for row in rows]

        return await self._database.run(select)

    async def answers(
        self, batch: Batch, *, succeeded: bool, after: int, limit: int
    ) -> list[tuple[int, bytes]]:
        """(line number, written answer), behind the line numbered `after`."""

        def select(connection: sqlite3.Connection) -> list[tuple[int, bytes]]:
            rows = connection.execute(
                "SELECT number, answer FROM lines WHERE batch_seq = ? AND succeeded = ? "
                "AND number > ? ORDER BY number LIMIT ?",
                (batch.seq, succeeded, after, limit),
            )
            return [(row["number"], row["answer"]) for row in rows]

        return await self._database.run(select)

    async def record(self, batch: Batch, number: int, answer: BatchAnswer) -> None:
        """The answer of one line, once."""
        succeeded, tokens, written = answer.succeeded, answer.tokens, answer.written()

        def update(connection: sqlite3.Connection) -> None:
            line = connection.execute(
                "UPDATE lines SET succeeded = ?, answer = ? "
                "WHERE batch_seq = ? AND number = ? AND answer IS NULL",
                (succeeded, written, batch.seq, number),
            )
            if line.rowcount:
                connection.execute(
                    "UPDATE batches SET num_completed = num_completed + ?, "
                    "num_failed = num_failed + ?, input_tokens = input_tokens + ?, "
                    "cached_tokens = cached_tokens + ?, output_tokens = output_tokens + ? "
                    "WHERE seq = ?",
                    (succeeded, not succeeded, *astuple(tokens), batch.seq),
                )

        await self._database.run(update)

    async def end(self, batch: Batch, ending: str) -> None:
        """validating or in_progress -> finalizing; `ending` is what comes after that."""
        await self._run(
            "UPDATE batches SET status = 'finalizing', ending = ?, finalizing_at = ? "
            "WHERE seq = ? AND status IN ('validating', 'in_progress')",
            ending,
            int(self._now()),
            batch.seq,
        )

    async def finish(self, batch: Batch, files: Sequence[StoredFile]) -> None:
        """finalizing or cancelling -> its ending. The lines are in the files now, and go."""
        kept = {file.id for file in files}
        file_ids = (batch.output_file_id, batch.error_file_id)

        def update(connection: sqlite3.Connection) -> None:
            for file in files:
                insert_file(connection, file)
            connection.execute(
                f"UPDATE batches SET status = ending, {batch.ending}_at = ?, output_file_id = ?, "
                "error_file_id = ? WHERE seq = ? AND status IN ('finalizing', 'cancelling')",
                (int(self._now()), *(i if i in kept else None for i in file_ids), batch.seq),
            )
            connection.execute("DELETE FROM lines WHERE batch_seq = ?", (batch.seq,))

        await self._database.run(update)

    async def forget_old(self) -> None:
        await self._run(
            f"DELETE FROM batches WHERE created_at < ? AND status NOT IN {OPEN_STATUSES}",
            int(self._now()) - KEEP_S,
        )

    async def _run(self, statement: str, *values: str | int) -> None:
        await self._database.run(lambda connection: connection.execute(statement, values))
