"""The service's side of compile_worker: one try of one grammar, within a second."""

import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from runners.errors import CompilerBusyError
from runners.grammars.source import GrammarSource

MAX_WALL_S = 0.8
START_S = 20.0
ENOUGH_CPU_S = 0.05
"""Of the processor: a trial that had less by MAX_WALL_S says nothing of its grammar."""
TOO_MUCH = "it takes more time or memory to compile than a request may"
_PROJECT = Path(__file__).parents[2]


class TrialTimeoutError(Exception):
    """A refusal that need not be the last word."""


class TrialWorker:
    """Started by its first trial, and again should it ever die. Threads may share it."""

    def __init__(
        self, tokenizer_json: str, vocab_size: int, eos_token_ids: tuple[int, ...]
    ) -> None:
        self._setup = json.dumps(
            {
                "tokenizer": tokenizer_json,
                "vocab_size": vocab_size,
                "eos_token_ids": eos_token_ids,
            }
        ).encode()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def start(self) -> None:
        """Ready when the first trial is; harmless if it runs."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._launch()

    def refusal(self, source: GrammarSource) -> str:
        """Why the grammar cannot be used; empty when it can. Raises CompilerBusyError when the
        machine is too busy to tell, and TrialTimeoutError when it is busy and the grammar large."""
        is_new = self._process is None
        self.start()
        with self._job() as job:
            deadline = time.monotonic() + (START_S if is_new else MAX_WALL_S)
            pid = int.from_bytes(_receive(job, 4, deadline), "little")
            if not pid:
                raise CompilerBusyError("grammars cannot be compiled at the moment.")
            job.sendall(json.dumps(dataclasses.asdict(source)).encode())
            job.shutdown(socket.SHUT_WR)
            deadline = time.monotonic() + MAX_WALL_S
            reply = _receive(job, 1 << 16, deadline)
            if time.monotonic() >= deadline:
                if _kill(pid) < ENOUGH_CPU_S:
                    raise CompilerBusyError("the service is too busy to compile a grammar.")
                raise TrialTimeoutError(TOO_MUCH)
        if not reply:
            return TOO_MUCH
        refusal: str = json.loads(reply)["refusal"]
        return refusal

    def close(self) -> None:
        with self._lock:
            if self._control is not None:
                self._control.close()
            if self._process is not None:
                self._process.terminate()
                self._process.wait()
            self._process = self._control = None

    def _launch(self) -> None:
        if self._control is not None:
            self._control.close()
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "runners.grammars.compile_worker", str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd=_PROJECT,
            )
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(self._setup)
            self._process.stdin.close()

    def _job(self) -> socket.socket:
        """Our end of a pair whose other end is with the worker."""
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            assert self._control is not None
            try:
                socket.send_fds(self._control, [b"+"], [theirs.fileno()])
            except OSError as error:
                ours.close()
                raise CompilerBusyError("grammars cannot be compiled at the moment.") from error
        return ours


def _receive(connection: socket.socket, num_bytes: int, deadline: float) -> bytes:
    """Up to `num_bytes`: fewer at the stream's end or the deadline."""
    received = b""
    while len(received) < num_bytes and (left := deadline - time.monotonic()) > 0:
        connection.settimeout(left)
        try:
            part = connection.recv(num_bytes - len(received))
        except TimeoutError:
            break
        except ConnectionError:
            break
        if not part:
            break
        received += part
    return received


def _kill(pid: int) -> float:
    """Returns the seconds of processor time it had."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        os.kill(pid, signal.SIGKILL)
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    return MAX_WALL_S
