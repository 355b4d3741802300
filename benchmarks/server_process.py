"""A peer, running: started, waited for, put to sleep while others are measured, and stopped."""

import asyncio
import contextlib
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psutil

from benchmarks.machine import process_tree
from benchmarks.peers.environment import last_words
from benchmarks.peers.peer import Peer

READY_TIMEOUT_S = 300.0
STOP_TIMEOUT_S = 30.0


class ServerError(Exception):
    """The server ended, or never became ready; says its last words, and the name of its log."""


class ServerProcess:
    """In a session of its own, so that Ctrl-C reaches us alone and it is stopped in order."""

    def __init__(self, peer: Peer, process: subprocess.Popen[bytes], port: int) -> None:
        self.peer = peer
        self.base_url = f"http://127.0.0.1:{port}"
        self.ready_s = 0.0
        """From its start until it was ready."""
        self._process = process

    @classmethod
    @contextlib.asynccontextmanager
    async def started(
        cls, peer: Peer, model: Path, log: Path, *, num_threads: int
    ) -> AsyncIterator["ServerProcess"]:
        """Ready on entry. Raises ServerError."""
        port = _free_port()
        start_s = time.perf_counter()
        threads = {"OMP_NUM_THREADS": str(num_threads)}
        with log.open("wb") as output:
            process = subprocess.Popen(
                peer.command(model, port, num_threads),
                env={**os.environ, **threads, **peer.environment()},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        server = cls(peer, process, port)
        try:
            await server._wait_until_ready(log)
            server.ready_s = time.perf_counter() - start_s
            yield server
        finally:
            server.resume()
            await asyncio.to_thread(server._stop)

    @property
    def pid(self) -> int:
        return self._process.pid

    def pause(self) -> None:
        """An idle server may still poll; a stopped one takes no core from the one being
        measured."""
        for process in process_tree(self.pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()

    def resume(self) -> None:
        for process in process_tree(self.pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    async def _wait_until_ready(self, log: Path) -> None:
        async with httpx.AsyncClient(base_url=self.base_url, timeout=5) as http:
            for _ in range(int(READY_TIMEOUT_S / 0.2)):
                if self._process.poll() is not None:
                    raise ServerError(
                        f"{self.peer.name} ended with status {self._process.returncode}: "
                        f"{last_words(log)}; see {log.name}."
                    )
                with contextlib.suppress(httpx.HTTPError):
                    if (await http.get(self.peer.ready_path)).status_code == 200:
                        return
                await asyncio.sleep(0.2)
        raise ServerError(
            f"{self.peer.name} was not ready after {READY_TIMEOUT_S:g} s; see {log.name}."
        )

    def _stop(self) -> None:
        """Politely first; what is left of it and of all that it started is killed."""
        tree = process_tree(self.pid)
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_TIMEOUT_S)
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
