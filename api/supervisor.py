"""The supervisor's exit code.

BentoML's supervisor starts the worker, waits, and ends with 0 whatever became of it. Who starts the
service by a script or as a container's first process would take a model that cannot be loaded for
one that was stopped on request.
"""

import os
import signal
import sys
from types import FrameType

import click

FAILURE_SIGNAL = signal.SIGUSR1
"""What a worker sends that cannot serve and shall not be started again. A supervisor that has not
made ready for it dies of it, which is a failure, too."""


def fail_on_signal() -> None:
    """Call in the supervisor, before there is a worker: FAILURE_SIGNAL then ends it in order, as
    SIGTERM does, but with exit code 1. Without effect outside of BentoML's command line."""
    command = click.get_current_context(silent=True)
    if command is None:
        return
    has_failed = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal has_failed
        has_failed = True
        os.kill(os.getpid(), signal.SIGTERM)

    def on_end() -> None:
        if has_failed:
            sys.exit(1)

    signal.signal(FAILURE_SIGNAL, on_signal)
    command.call_on_close(on_end)
