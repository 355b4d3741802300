"""What a caller holds of a request: an async iterator over the outputs of all its choices."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from runners.engine.request import GenerationRequest, SequenceOutput


class OutputStream:
    """Ends after every choice had its finish reason. Leaving it early, by `aclose` or the `async
    with`, aborts what is unfinished. Lives on one event loop; its buffer is bounded by the
    request's own tokens.
    """

    def __init__(
        self,
        request: GenerationRequest,
        *,
        abort: Callable[[str], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.request = request
        self.loop = loop
        self.started_s = time.monotonic()
        self.open_choices = set(range(request.params.n))
        self._abort = abort
        self._buffer: deque[SequenceOutput] = deque()
        self._arrived = asyncio.Event()

    @property
    def num_open(self) -> int:
        """Choices that the engine has not finished."""
        return len(self.open_choices)

    def feed(self, output: SequenceOutput) -> None:
        """Called by the runner, on the loop."""
        self._buffer.append(output)
        if output.finish_reason is not None:
            self.open_choices.discard(output.index)
        self._arrived.set()

    def take_ready(self) -> list[SequenceOutput]:
        """What has arrived and was not read yet, without waiting; for readers that coalesce."""
        ready = list(self._buffer)
        self._buffer.clear()
        self._arrived.clear()
        return ready

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SequenceOutput:
        while not self._buffer:
            if not self.open_choices:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._buffer.popleft()

    async def aclose(self) -> None:
        if self.open_choices:
            self._abort(self.request.request_id)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()
