"""SIGTERM without broken answers.

Left to itself, uvicorn stops accepting at once; but BentoML's supervisor still holds the listening
socket, so new connections, probes included, hang unanswered until the process is gone. So a signal
first starts the drain, during which everything new is told 503, and uvicorn hears of it after.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from types import FrameType

import uvicorn
from bentoml import server_context

from api.supervisor import FAILURE_SIGNAL

logger = logging.getLogger("kamado.exit")

FLUSH_TIMEOUT_S = 5
"""For the last bytes of drained answers; then connections are cut."""

SUPERVISOR_WATCH_S = 0.5

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class GracefulExit:
    """Takes the place of uvicorn's signal handlers. A second Ctrl-C does not wait."""

    def __init__(self, server: uvicorn.Server | None, drain: Callable[[], Awaitable[None]]) -> None:
        """`drain` refuses what is new, and returns when what was under way has ended. Without a
        `server` nothing here has an effect."""
        self._server = server
        self._drain = drain
        self._draining: asyncio.Task[None] | None = None

    def install(self) -> None:
        """Call on the event loop."""
        if self._server is None:
            return
        self._server.config.timeout_graceful_shutdown = FLUSH_TIMEOUT_S
        loop = asyncio.get_running_loop()

        def on_signal(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self._begin, number)

        for number in _SIGNALS:
            signal.signal(number, on_signal)

    def now(self) -> None:
        """Stop this process; under BentoML its supervisor starts another."""
        if self._server is not None:
            # not handle_exit: that would have the process die of the signal, with an exit code
            self._server.should_exit = True

    def for_good(self) -> None:
        """Stop this process and the supervisor that would only start it again; the command ends
        with exit code 1."""
        if server_context.worker_index is not None:
            os.kill(os.getppid(), FAILURE_SIGNAL)
        self.now()

    async def watch_supervisor(self) -> None:
        """Drain once the supervisor is gone, be it by SIGKILL: else the worker would go on serving,
        with nobody to stop it or to free its port."""
        if server_context.worker_index is None:
            return
        supervisor = os.getppid()
        while os.getppid() == supervisor:
            await asyncio.sleep(SUPERVISOR_WATCH_S)
        logger.critical("the supervisor is gone")
        self._begin(signal.SIGTERM)

    def _begin(self, number: int) -> None:
        if self._draining is None:
            logger.info("draining: answers under way are finished, new requests refused")
            self._draining = asyncio.get_running_loop().create_task(self._drain_and_stop())
        elif number == signal.SIGINT:
            self.now()

    async def _drain_and_stop(self) -> None:
        try:
            await self._drain()
        finally:
            self.now()
