"""Servers that take turns: started when their first comes, asleep between turns while memory
allows, ended and started again where it does not."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import psutil

from benchmarks.peers.peer import Peer
from benchmarks.server_process import ServerProcess

MIN_AVAILABLE_BYTES = 6 * 2**30
"""Left for the next server; the largest peer takes that much."""

OnStart = Callable[[ServerProcess], Awaitable[None]]


class ServerPool:
    """An async context; at its end all servers are ended."""

    def __init__(self, model: Path, logs: Path, num_threads: int, on_start: OnStart) -> None:
        self._model = model
        self._logs = logs
        self._num_threads = num_threads
        self._on_start = on_start
        self._servers: dict[str, tuple[ServerProcess, contextlib.AsyncExitStack]] = {}

    async def __aenter__(self) -> "ServerPool":
        return self

    async def __aexit__(self, *_: object) -> None:
        for name in list(self._servers):
            await self.end(name)

    @contextlib.asynccontextmanager
    async def turn(self, name: str, peer: Peer) -> AsyncIterator[ServerProcess]:
        """The only one awake. Raises ServerError if it does not become ready."""
        if name not in self._servers:
            await self._start(name, peer)
        server, _ = self._servers[name]
        server.resume()
        try:
            yield server
        finally:
            server.pause()
            if psutil.virtual_memory().available < MIN_AVAILABLE_BYTES:
                await self.end(name)

    async def end(self, name: str) -> None:
        if name in self._servers:
            _, stack = self._servers.pop(name)
            await stack.aclose()

    async def _start(self, name: str, peer: Peer) -> None:
        log = self._logs / f"{name}.log"
        stack = contextlib.AsyncExitStack()
        starting = ServerProcess.started(peer, self._model, log, num_threads=self._num_threads)
        server = await stack.enter_async_context(starting)
        self._servers[name] = (server, stack)
        try:
            await self._on_start(server)
        except BaseException:
            await self.end(name)
            raise
