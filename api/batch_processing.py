"""Files and batches put together: their stores, their routes, and the worker behind them."""

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path

from starlette.routing import Route

from api.batch_journal import BatchJournal
from api.batch_lease import BatchLease
from api.batch_metrics import BatchMetrics, kept_counts
from api.batch_output import BatchOutput
from api.batch_schema import batch_database
from api.batch_store import BatchStore
from api.batch_worker import BatchWorker
from api.batches import batch_routes
from api.file_folder import FileFolder
from api.file_store import FileStore
from api.files import file_routes
from api.line_app import line_app
from api.serving import Serving
from api.settings import Settings
from runners.batch_caller import BatchCaller
from runners.batch_line import BatchLine
from runners.engine.request import BACKGROUND_PRIORITY

IDLE_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class BatchLimits:
    max_file_bytes: int = 200 * 1024 * 1024
    max_total_bytes: int = 10 * 1024 * 1024 * 1024
    """Of all files together."""
    max_lines: int = 50_000
    max_line_bytes: int = 4 * 1024 * 1024
    max_in_flight: int = 8
    """Lines that run at once."""
    max_open: int = 100
    """Batches that have not ended."""


def batch_limits(settings: Settings) -> BatchLimits:
    return BatchLimits(
        max_file_bytes=int(settings.max_file_mb * 2**20),
        max_total_bytes=int(settings.max_files_gb * 2**30),
        max_lines=settings.max_batch_lines,
        max_line_bytes=int(settings.max_body_mb * 2**20),
        max_in_flight=settings.batch_concurrency,
    )


class BatchProcessing:
    """Work on one model's batches, in the background of its online requests."""

    def __init__(self, folder: Path, limits: BatchLimits, serving: Serving) -> None:
        app = line_app(serving, max_body_bytes=limits.max_line_bytes)
        self._database = batch_database(folder)
        self._caller = BatchCaller(app, priority=BACKGROUND_PRIORITY)
        self._served = serving.served
        self._task: asyncio.Task[None] | None = None
        file_folder = FileFolder(folder / "files")
        files = FileStore(self._database, file_folder, max_total_bytes=limits.max_total_bytes)
        batches = BatchStore(self._database, max_open=limits.max_open)
        journal = BatchJournal(self._database)
        self._worker = BatchWorker(
            journal,
            files,
            BatchOutput(journal, file_folder),
            BatchLease(folder / "batches.lock"),
            self._caller,
            may_begin=self._may_begin,
            max_in_flight=limits.max_in_flight,
            max_lines=limits.max_lines,
            max_line_bytes=limits.max_line_bytes,
        )
        self.routes: list[Route] = [
            *file_routes(files, max_file_bytes=limits.max_file_bytes),
            *batch_routes(batches, self._worker.wake),
        ]

    def start(self) -> None:
        """Call on the event loop. What an earlier process left unfinished goes on."""
        self._task = asyncio.get_running_loop().create_task(self._worker.run())

    async def stop(self) -> None:
        """Gives up the lines under way; they run again after the next start. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def metrics(self) -> BatchMetrics:
        kept = await kept_counts(self._database)
        return BatchMetrics(kept, self._worker.num_succeeded, self._worker.num_failed)

    def close(self) -> None:
        """Blocks until the last transaction has ended. Idempotent."""
        if self._task is not None:
            self._task.cancel()
        self._database.close()

    async def _may_begin(self, line: BatchLine) -> None:
        """A generation makes room for others whenever they come; an embedding's forward, once
        begun, holds everybody up, and has to wait until there is nobody."""
        while not line.generates and not self._is_idle:
            await asyncio.sleep(IDLE_POLL_S)

    @property
    def _is_idle(self) -> bool:
        """Whether nothing is being generated for anybody."""
        stats = self._served.engine_stats()
        return stats is None or stats.num_running + stats.num_waiting == 0
