"""What outlives this process: a folder, and in it one SQLite database per kind of thing kept.

Knows nothing of what is kept; `api/batch_store.py` and others bring their own schema. Nothing is
made on disk before the first use, so a service that is asked to keep nothing leaves no trace.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import platformdirs

from api.errors import UnavailableError

BUSY_TIMEOUT_S = 30.0
"""For another process's write to end."""

RETRY_DISK_S = 30.0

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]


def state_folder(state_dir: str | None, model: str) -> Path:
    """Where the service of one model keeps its state; `state_dir` None is the user's own place.

    Of one model, because who shares a folder shares its work.
    """
    root = Path(state_dir).expanduser() if state_dir else platformdirs.user_state_path("kamado")
    return root / quote(model, safe=" @+-_.").replace("..", "%2E%2E")


def make_private(folder: Path) -> None:
    """Creates it for this user alone: prompts and answers lie in it. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


class StateDatabase:
    """One connection on one thread, in WAL mode: readers of other processes never wait for it.

    Each `run` is one transaction, durable when it returns.
    """

    def __init__(self, path: Path, schema: str, version: int) -> None:
        """`schema`: CREATE statements, run once on an empty database. `version` changes with it."""
        self.path = path
        self._schema = schema
        self._version = version
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"state-{path.stem}")

    @property
    def exists(self) -> bool:
        """Whether anything was ever kept."""
        return self.path.exists()

    async def run(self, work: Work[Result]) -> Result:
        """`work(connection)` within a transaction that is rolled back when it raises.

        Raises UnavailableError when the disk does not let us. A caller who is cancelled leaves the
        transaction to its end.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._transact, work)

    def close(self) -> None:
        """Lets what runs come to its end. Idempotent."""
        self._thread.submit(self._close)
        self._thread.shutdown(wait=True)

    # The database's thread -----------------------------------------------------------------------

    def _transact(self, work: Work[Result]) -> Result:
        try:
            connection = self._connection = self._connection or self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise  # ours: the disk has done what it was told
        except (OSError, sqlite3.DatabaseError) as error:
            raise disk_failure(error) from error

    def _open(self) -> sqlite3.Connection:
        make_private(self.path.parent)
        connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.row_factory = sqlite3.Row
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")  # what was acknowledged survives the power
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("BEGIN IMMEDIATE")  # of two that open an empty one, one creates
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found == 0:
            for statement in filter(str.strip, self._schema.split(";")):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {self._version}")
        connection.execute("COMMIT")
        if found not in (0, self._version):
            raise sqlite3.OperationalError(
                f"{self.path.name} has schema {found}, this release reads {self._version}; "
                "move the file away, or set state_dir to another folder"
            )

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def disk_failure(error: OSError | sqlite3.DatabaseError) -> UnavailableError:
    """What a caller is told, without the path: that is nobody's business outside."""
    cause = error.strerror or "the disk" if isinstance(error, OSError) else str(error)
    return UnavailableError(
        f"the state of this service cannot be read or written: {cause}.",
        retry_after_s=RETRY_DISK_S,
    )


def _write_ahead(connection: sqlite3.Connection) -> None:
    """SQLite waits for other connections everywhere but here, where it refuses at once if one of
    them is changing the mode of a new file."""
    end = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
