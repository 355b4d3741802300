"""Responses that are kept, so that they can be fetched and gone on from: in SQLite, bounded in age,
number and size. The oldest go first."""

import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from api.answer import Json
from api.responses_shapes import ResponseObject
from api.state import StateDatabase

SCHEMA = """
CREATE TABLE responses (
    id TEXT PRIMARY KEY,
    created_s REAL NOT NULL,
    num_bytes INTEGER NOT NULL,
    kept BLOB NOT NULL
);
CREATE INDEX responses_by_age ON responses (created_s)
"""
VERSION = 1


@dataclass(frozen=True, slots=True)
class KeepingLimits:
    """Whatever passes one of them is forgotten, the oldest first."""

    age_s: float = 30 * 24 * 3600.0
    num_responses: int = 10_000
    num_bytes: int = 256 * 2**20


DEFAULT_LIMITS = KeepingLimits()


@dataclass(frozen=True, slots=True)
class KeptResponse:
    body: ResponseObject
    """The response as it was last told."""
    input_items: list[Json]
    """What this response's own request held."""
    history: list[Json] = field(default_factory=list)
    """The conversation before, so that going on needs no other response to be kept."""

    @property
    def items(self) -> list[Json]:
        """The conversation up to and with this response."""
        return [*self.history, *self.input_items, *map(dict, self.body["output"])]


class ResponseStore:
    """Every method raises UnavailableError when the disk does not let us."""

    def __init__(self, folder: Path, limits: KeepingLimits = DEFAULT_LIMITS) -> None:
        """Nothing is made in `folder` before the first response is kept."""
        self._database = StateDatabase(folder / "responses.sqlite", SCHEMA, VERSION)
        self._limits = limits

    async def keep(self, response: KeptResponse) -> None:
        """In place of an older state of the same response."""
        written = orjson.dumps([response.body, response.input_items, response.history])
        row = (response.body["id"], time.time(), len(written), written)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO responses VALUES (?, ?, ?, ?)", row)
            self._forget_old(connection)

        await self._database.run(work)

    async def get(self, response_id: str) -> KeptResponse | None:
        if not self._database.exists:
            return None

        def work(connection: sqlite3.Connection) -> KeptResponse | None:
            found = connection.execute(
                "SELECT kept FROM responses WHERE id = ? AND created_s > ?",
                (response_id, time.time() - self._limits.age_s),
            ).fetchone()
            return None if found is None else KeptResponse(*orjson.loads(found["kept"]))

        return await self._database.run(work)

    async def delete(self, response_id: str) -> bool:
        """Whether it was there."""
        if not self._database.exists:
            return False

        def work(connection: sqlite3.Connection) -> bool:
            deleted = connection.execute("DELETE FROM responses WHERE id = ?", (response_id,))
            return deleted.rowcount > 0

        return await self._database.run(work)

    def close(self) -> None:
        self._database.close()

    def _forget_old(self, connection: sqlite3.Connection) -> None:
        limits = self._limits
        connection.execute(
            "DELETE FROM responses WHERE created_s <= ?", (time.time() - limits.age_s,)
        )
        connection.execute(
            """
            DELETE FROM responses WHERE id IN (
                SELECT id FROM (
                    SELECT id,
                        ROW_NUMBER() OVER newest AS place,
                        SUM(num_bytes) OVER newest AS total
                    FROM responses
                    WINDOW newest AS (ORDER BY created_s DESC, id ROWS UNBOUNDED PRECEDING)
                )
                WHERE place > 1 AND (place > ? OR total > ?)
            )
            """,
            (limits.num_responses, limits.num_bytes),
        )
