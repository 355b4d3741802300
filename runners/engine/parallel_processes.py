"""The processes of the ranks that follow rank 0: started, told what to do, watched, ended.

Each has one end of a pipe. It ends when the other end closes, so none of them outlives this
process, however that ends. A session of their own keeps Ctrl-C from them.
"""

import contextlib
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

from models.errors import ParallelError
from models.parallel.ranks import RankLostError
from runners.engine.parallel_setup import ParallelSetup

logger = logging.getLogger(__name__)

_PROJECT = Path(__file__).parents[2]
END_S = 3.0
"""For a rank to end by itself when it is let go."""


class ParallelProcesses:
    def __init__(self, setups: Sequence[ParallelSetup]) -> None:
        """Starts one for each; they load while this process does."""
        self._is_closing = False
        self._ranks: list[tuple[int, Connection, subprocess.Popen[bytes]]] = [
            (setup.rank, *_start(setup)) for setup in setups
        ]

    def wait_until_loaded(self) -> list[int]:
        """What each has free for a cache, in bytes. Raises ParallelError if one cannot load its
        part."""
        free_bytes = []
        for rank, connection, _ in self._ranks:
            try:
                report = json.loads(connection.recv_bytes())
            except (EOFError, OSError):
                report = {"error": "its process has ended; the log says why."}
            if "error" in report:
                raise ParallelError(f"rank {rank} cannot load its part: {report['error']}")
            free_bytes.append(report["free_bytes"])
        return free_bytes

    def send(self, message: bytes) -> None:
        """To each. Raises RankLostError if one is gone."""
        for rank, connection, _ in self._ranks:
            try:
                connection.send_bytes(message)
            except OSError as error:
                raise RankLostError(f"rank {rank} of tensor_parallel is gone: {error}.") from error

    def watch(self, on_lost: Callable[[RankLostError], None]) -> None:
        """Call `on_lost`, on a thread of its own, if one ends before it is let go."""
        for rank, _, process in self._ranks:
            waiting = threading.Thread(
                target=self._wait, args=(rank, process, on_lost), name=f"rank-{rank}", daemon=True
            )
            waiting.start()

    def close(self) -> None:
        """Let all go, and wait for their ends."""
        self._is_closing = True
        for _, connection, _ in self._ranks:
            connection.close()
        for _, _, process in self._ranks:
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _wait(
        self,
        rank: int,
        process: subprocess.Popen[bytes],
        on_lost: Callable[[RankLostError], None],
    ) -> None:
        status = process.wait()
        if not self._is_closing:
            how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
            lost = f"rank {rank} of tensor_parallel (process {process.pid}) {how}."
            logger.critical("%s", lost)  # a step under way fails first, and knows less
            on_lost(RankLostError(lost))


def _start(setup: ParallelSetup) -> tuple[Connection, subprocess.Popen[bytes]]:
    ours, theirs = Pipe()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "runners.engine.parallel_worker", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            cwd=_PROJECT,
            start_new_session=True,
        )
    with contextlib.suppress(OSError):  # one that ended at once is found when it is waited for
        ours.send_bytes(setup.pack())
    return ours, process
