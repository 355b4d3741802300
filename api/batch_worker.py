"""Works off the batches of a state folder, the oldest first, in the time that is left over.

Each line goes the way of an online request, in the background: see runners/batch_caller.py. What a
batch has come to is only in the database; this may die at any point and begin again.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from api.batch import Batch
from api.batch_input import check_input, read_line
from api.batch_journal import BatchJournal, LineFault, LineSpan
from api.batch_lease import BatchLease
from api.batch_output import BatchOutput
from api.file_store import FileStore
from runners.batch_line import BatchAnswer, BatchLine

logger = logging.getLogger("kamado.batches")

POLL_S = 1.0
"""How soon work or a cancellation that came through another process is seen."""
RETRY_S = 5.0
"""After a failure of ours or of the disk."""
SWEEP_S = 600.0
PAGE_LINES = 256

_FAILURE = {
    "error": {
        "message": "the line failed inside the service.",
        "type": "server_error",
        "param": None,
        "code": None,
    }
}


class LineCaller(Protocol):
    async def call(self, line: BatchLine) -> BatchAnswer: ...


class BatchWorker:
    def __init__(
        self,
        journal: BatchJournal,
        files: FileStore,
        output: BatchOutput,
        lease: BatchLease,
        caller: LineCaller,
        *,
        may_begin: Callable[[BatchLine], Awaitable[None]],
        max_in_flight: int,
        max_lines: int,
        max_line_bytes: int,
    ) -> None:
        """`may_begin` returns when a line may start."""
        self._journal = journal
        self._files = files
        self._output = output
        self._lease = lease
        self._caller = caller
        self._may_begin = may_begin
        self._max_in_flight = max_in_flight
        self._max_lines = max_lines
        self._max_line_bytes = max_line_bytes
        self._changed = asyncio.Event()
        self.num_succeeded = 0
        """Lines answered since this was made."""
        self.num_failed = 0

    def wake(self) -> None:
        """There is a new batch, or one was cancelled."""
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled; then lines under way are given up, to be run again by whoever is
        next."""
        swept_s = float("-inf")
        clock = asyncio.get_running_loop().time
        try:
            while True:
                try:
                    batch = await self._next()
                    if batch is not None:
                        await self._advance(batch)
                    elif self._journal.exists and clock() - swept_s > SWEEP_S:
                        swept_s = clock()
                        await self._sweep()
                    else:
                        await self._change()
                except Exception:  # most likely the disk's; nothing is lost by beginning again
                    logger.exception("batches are tried again in %g seconds", RETRY_S)
                    await asyncio.sleep(RETRY_S)
        finally:
            self._lease.release()

    async def _next(self) -> Batch | None:
        """What to work on; None also while another process has the lease."""
        if not self._journal.exists or not self._lease.acquire():
            return None
        return await self._journal.oldest_open()

    async def _advance(self, batch: Batch) -> None:
        """One status further."""
        if batch.status in ("finalizing", "cancelling"):
            await self._journal.finish(batch, await self._output.write(batch))
            logger.info("%s is %s", batch.id, batch.ending)
        elif self._journal.has_expired(batch):
            await self._journal.end(batch, "expired")
        elif batch.status == "validating":
            await self._validate(batch)
        else:
            await self._answer(batch)

    async def _validate(self, batch: Batch) -> None:
        try:
            found = await asyncio.to_thread(
                check_input,
                self._files.folder.path(batch.input_file_id),
                batch.endpoint,
                max_lines=self._max_lines,
                max_line_bytes=self._max_line_bytes,
            )
        except FileNotFoundError:
            lost = LineFault("file_lost", f"the bytes of {batch.input_file_id} are lost.")
            await self._journal.fail(batch, [lost])
            return
        if found.faults:
            await self._journal.fail(batch, found.faults)
        else:
            await self._journal.begin(batch, found.spans, found.model)

    async def _answer(self, batch: Batch) -> None:
        """All lines that have no answer, unless the batch ends before."""
        working = asyncio.create_task(self._answer_lines(batch))
        watching = asyncio.create_task(self._ended(batch))
        try:
            await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
                await self._journal.end(batch, "completed")
            else:
                watching.result()
        finally:
            for task in (working, watching):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task

    async def _answer_lines(self, batch: Batch) -> None:
        slots = asyncio.Semaphore(self._max_in_flight)
        try:
            async with asyncio.TaskGroup() as group:
                async for span in self._open_lines(batch):
                    await slots.acquire()
                    task = group.create_task(self._answer_line(batch, span))
                    task.add_done_callback(lambda _: slots.release())
        except ExceptionGroup as failures:  # one stands for all: the disk fails them alike
            raise failures.exceptions[0] from None

    async def _answer_line(self, batch: Batch, span: LineSpan) -> None:
        try:
            answer = await self._answered(batch, span)
        except Exception as error:
            if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
                raise  # the disk may be better the next time; anything else would be the same
            logger.exception("line %d of %s failed", span.number, batch.id)
            answer = BatchAnswer(span.custom_id, 500, "", _FAILURE)
        await self._journal.record(batch, span.number, answer)
        self.num_succeeded += answer.succeeded
        self.num_failed += not answer.succeeded

    async def _answered(self, batch: Batch, span: LineSpan) -> BatchAnswer:
        path = self._files.folder.path(batch.input_file_id)
        line = await asyncio.to_thread(read_line, path, span)
        await self._may_begin(line)
        return await self._caller.call(line)

    async def _open_lines(self, batch: Batch) -> AsyncIterator[LineSpan]:
        after = 0
        while spans := await self._journal.open_lines(batch, after, PAGE_LINES):
            for span in spans:
                yield span
            after = spans[-1].number

    async def _ended(self, batch: Batch) -> None:
        """Returns when its status is no longer in_progress, or its time is over."""
        while not self._journal.has_expired(batch):
            await self._change()
            if (await self._journal.current(batch)).status != "in_progress":
                return

    async def _change(self) -> None:
        """Something may have happened."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_S):
                await self._changed.wait()
        self._changed.clear()

    async def _sweep(self) -> None:
        await self._files.sweep()
        await self._journal.forget_old()
