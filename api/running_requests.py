"""The requests under way, by id: what the cancel route ends.

The front door opens an entry for each request; whatever generates for it enters itself. Who asks to
cancel needs nothing but the id, which is known before the first byte of an answer: clients may
choose it, as X-Request-Id.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Cancel = Callable[[], None]


class RunningRequest:
    def __init__(self) -> None:
        self._cancels: list[Cancel] = []
        self._is_cancelled = False
        self._is_over = False

    def on_cancel(self, cancel: Cancel) -> None:
        """Called when the request is cancelled, or at once if it has been."""
        if self._is_cancelled:
            cancel()
        elif not self._is_over:  # a task that outlives its request keeps the context
            self._cancels.append(cancel)

    def cancel(self) -> None:
        self._is_cancelled = True
        for cancel in self._cancels:
            cancel()

    def end(self) -> None:
        self._is_over = True
        self._cancels.clear()


_current: ContextVar[RunningRequest | None] = ContextVar("running_request", default=None)


def on_cancel(cancel: Cancel) -> None:
    """For the request that this code runs for, if it runs for one."""
    running = _current.get()
    if running is not None:
        running.on_cancel(cancel)


class RunningRequests:
    """Lives on the event loop."""

    def __init__(self) -> None:
        self._by_id: dict[str, list[RunningRequest]] = {}

    @contextmanager
    def entered(self, request_id: str) -> Iterator[None]:
        running = RunningRequest()
        self._by_id.setdefault(request_id, []).append(running)
        token = _current.set(running)
        try:
            yield
        finally:
            _current.reset(token)
            running.end()
            self._by_id[request_id].remove(running)
            if not self._by_id[request_id]:
                del self._by_id[request_id]

    def cancel(self, request_id: str) -> bool:
        """All of that id. False: there are none."""
        found = self._by_id.get(request_id, ())
        for running in found:
            running.cancel()
        return bool(found)
