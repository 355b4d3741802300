"""Tries out callers' grammars where they can do no harm: in a process that can be killed.

Started by runners/grammars/trial.py, one per service. It reads the tokenizer once; each trial then
runs in a fork of it, whose processor time and memory the kernel bounds: whatever a schema or regex
drives the compiler to, stack overflow included, ends that fork only. Imports nothing heavy.
"""

import contextlib
import json
import os
import random
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any

from llguidance import LLMatcher

from runners.grammars.source import GrammarSource
from runners.grammars.tokens import build_matcher, build_tokenizer, error_of

MAX_CPU_S = 0.4
MAX_MEMORY_BYTES = 512 * 1024 * 1024
"""Beyond what the process has before the trial."""
NUM_WALKS = 2
WALK_TOKENS = 256
MAX_STACK_BYTES = 4 * 1024 * 1024
"""Half of a thread's, so that what passes here cannot overflow the stack there."""


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    setup: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    tokenizer = build_tokenizer(setup["tokenizer"], setup["vocab_size"], setup["eos_token_ids"])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the forks
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the service's to act on
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not descriptors:
            return
        with socket.socket(fileno=descriptors[0]) as job:
            if os.fork() == 0:
                control.close()
                with contextlib.suppress(BaseException):
                    _try(job, tokenizer)
                os._exit(0)


def _try(job: socket.socket, tokenizer: Any) -> None:
    """The job's socket: our process id out, the grammar in, the verdict out."""
    job.sendall(os.getpid().to_bytes(4, "little"))
    with job.makefile("rb") as reader:
        source = GrammarSource(**json.loads(reader.read()))
    _confine()
    try:
        matcher = build_matcher(tokenizer, source)
        for seed in range(NUM_WALKS):
            _walk(matcher.deep_copy(), tokenizer.eos_tokens, random.Random(seed))
        verdict = ""
    except Exception as error:  # GBNF that is wrong fails in ways of its own
        verdict = (str(error) or type(error).__name__)[:600]
    job.sendall(json.dumps({"refusal": verdict}).encode())


def _walk(matcher: LLMatcher, eos_token_ids: Sequence[int], rng: random.Random) -> None:
    """Some grammars compile at once and are slow to use: an answer at random finds them out. Raises
    ValueError for one that fails on its way."""
    goes_on = ~sum(1 << token_id for token_id in eos_token_ids)
    for _ in range(WALK_TOKENS):
        bitmask = matcher.compute_bitmask()
        allowed = int.from_bytes(bitmask, "little") & goes_on
        if matcher.is_error():
            raise ValueError(error_of(matcher))
        if matcher.is_stopped() or not allowed:
            return
        above = allowed >> rng.randrange(len(bitmask) * 8) or allowed
        offset = allowed.bit_length() - above.bit_length()
        matcher.consume_token(offset + (above & -above).bit_length() - 1)
        matcher.compute_ff_tokens()


def _confine() -> None:
    """From here on the kernel ends this process when it takes too much."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, MAX_CPU_S)
    with open("/proc/self/statm") as statm:
        size = int(statm.read().split()[0]) * resource.getpagesize()
    limit = size + MAX_MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CPU, (2, 2))
    resource.setrlimit(resource.RLIMIT_STACK, (MAX_STACK_BYTES, MAX_STACK_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(10)


if __name__ == "__main__":
    main()
