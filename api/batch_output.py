"""A batch's answers as files: those that succeeded, and all others with their reasons.

Every line of the input is in exactly one of the two, in the order of the input. Written again after
a kill they have the same ids and names, and replace what was begun.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import BinaryIO, Literal

from api.batch import Batch
from api.batch_journal import BatchJournal
from api.file_folder import FileFolder
from api.stored_file import StoredFile
from runners.batch_line import unanswered

PAGE_LINES = 500
"""Read and written at a time; callers' transactions come between."""

REASONS = {
    "expired": "the line was not run before the completion window of 24 hours had passed.",
    "cancelled": "the line was not run before the batch was cancelled.",
}


class BatchOutput:
    def __init__(
        self, journal: BatchJournal, folder: FileFolder, now: Callable[[], float] = time.time
    ) -> None:
        self._journal = journal
        self._folder = folder
        self._now = now

    async def write(self, batch: Batch) -> list[StoredFile]:
        """Its files, without those that would be empty. Raises OSError or UnavailableError."""
        files = [
            await self._file(batch, "output", self._answers(batch, succeeded=True)),
            await self._file(batch, "error", self._others(batch)),
        ]
        return [file for file in files if file is not None]

    async def _file(
        self, batch: Batch, kind: Literal["output", "error"], pages: AsyncIterator[list[bytes]]
    ) -> StoredFile | None:
        file_id = batch.output_file_id if kind == "output" else batch.error_file_id
        assert file_id is not None, "an open batch has both"
        part: BinaryIO | None = None
        try:
            async for page in pages:
                if part is None:
                    part = await asyncio.to_thread(self._folder.open_part)
                await asyncio.to_thread(part.writelines, page)
            if part is None:
                return None
            num_bytes = await asyncio.to_thread(self._folder.keep, part, file_id)
        except BaseException:
            if part is not None:
                self._folder.discard(part)
            raise
        now = int(self._now())
        lasts_s = batch.output_expires_s
        expires_at = None if lasts_s is None else now + lasts_s
        name = f"{batch.id}_{kind}.jsonl"
        return StoredFile(file_id, "batch_output", name, num_bytes, now, expires_at)

    async def _answers(self, batch: Batch, *, succeeded: bool) -> AsyncIterator[list[bytes]]:
        after = 0
        while page := await self._journal.answers(
            batch, succeeded=succeeded, after=after, limit=PAGE_LINES
        ):
            yield [written for _, written in page]
            after = page[-1][0]

    async def _others(self, batch: Batch) -> AsyncIterator[list[bytes]]:
        """What failed, then what was never run."""
        async for failed in self._answers(batch, succeeded=False):
            yield failed
        after = 0
        while spans := await self._journal.open_lines(batch, after, PAGE_LINES):
            reason = REASONS[str(batch.ending)]
            yield [unanswered(span.custom_id, f"batch_{batch.ending}", reason) for span in spans]
            after = spans[-1].number
