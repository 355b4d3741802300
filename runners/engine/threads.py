"""How many threads the model's arithmetic should use: measured on the model itself, because a small
one loses more to the threads' barriers than it gains from their hands."""

import logging
import math
import os
import time
from pathlib import Path
from statistics import median

import torch

from runners.engine.model_runner import ModelRunner

logger = logging.getLogger(__name__)

DECODE_ROWS = 4
MIN_GAIN = 1.1
"""More threads must be so much faster: they also take cores from the HTTP side."""
TRIALS = 7
TIME_LIMIT_S = 1.0
"""Per number of threads; a large model needs fewer trials to be sure."""


def tune_num_threads(model_runner: ModelRunner) -> int:
    """Set torch's intra-op threads, for the calling thread, to the fastest number; returns it. Also
    the model's warm-up: what is compiled or allocated at first use is, afterwards."""
    best, best_s = 1, math.inf
    for num_threads in _candidates(usable_cores()):
        torch.set_num_threads(num_threads)
        step_s = _step_s(model_runner)
        if step_s * MIN_GAIN < best_s:
            best, best_s = num_threads, step_s
    torch.set_num_threads(best)
    logger.info("%d threads: a decode step of %d takes %.2f ms", best, DECODE_ROWS, best_s * 1e3)
    return best


def usable_cores() -> int:
    """Cores this process may use: its affinity, and its container's quota."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError):  # no cgroup v2, or "max"
        return cores


def _candidates(cores: int) -> list[int]:
    """1, 2, 4, ... and all."""
    return sorted({2**i for i in range(cores.bit_length()) if 2**i <= cores} | {cores})


def _step_s(model_runner: ModelRunner) -> float:
    """Median seconds of a forward with DECODE_ROWS sequences of one token."""
    prompts = [(0,)] * DECODE_ROWS
    model_runner.embed(prompts)  # warm-up
    durations: list[float] = []
    started = time.perf_counter()
    while len(durations) < TRIALS and time.perf_counter() - started < TIME_LIMIT_S:
        before = time.perf_counter()
        model_runner.embed(prompts)
        durations.append(time.perf_counter() - before)
    return median(durations)
