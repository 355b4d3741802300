"""How a step is run: on how many threads, and with how much of other people's prompts beside those
who wait for their next token.

Measured on the model itself when it starts: a small one loses more to the threads' barriers than it
gains from their hands, and how many prompt tokens take as long as a decoding step differs tenfold
between models, processors and precisions.
"""

import logging
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch

from runners.engine.model_runner import ModelRunner
from runners.engine.prefill_budget import tokens_with_queue

logger = logging.getLogger(__name__)

NARROW_STEP = ((0,),) * 8
"""Prompts whose forward is like a step of eight decoding sequences."""
WIDE_STEP = ((0,) * 128,)
"""A prompt like a chunk of prefill."""
LONG_CONTEXT = 2048
"""What the tokens of such a chunk attend to besides, when that is measured."""
WIDE_TOKENS = 48
"""Steps of so many tokens are bound by arithmetic, and count as wide."""
MIN_GAIN = 1.1
"""More threads must be so much faster: they also take cores from the HTTP side."""
MAX_STRETCH = 2.7
"""Prompts make nobody wait for a token longer than this many steps without them: 3, less what
steps differ among themselves."""
UNNOTICED_S = 0.01
"""Nor is so little noticed: a small model's steps are shorter, and its prompts would be computed
in scraps."""
MIN_PROMPT_TOKENS = 16
"""Of a step: with fewer, prompts would hardly advance."""
TRIALS = 7
TIME_LIMIT_S = 0.1
"""Per number of threads; a large model needs fewer trials to be sure: steps of 140 ms differ by 4%,
the first included."""


@dataclass(frozen=True, slots=True)
class StepPlan:
    narrow_threads: int
    """Torch's intra-op threads of a step of few tokens."""
    wide_threads: int
    narrow_step_tokens: float
    """As many prompt tokens take as long as a step of eight decoding sequences."""
    unnoticed_tokens: float
    """As many prompt tokens take UNNOTICED_S."""
    doubling_context: float
    """A prompt token that attends to so many others takes twice as long as one that sees few."""

    def apply(self, num_tokens: int) -> None:
        """Set the threads of a step, for the calling thread, until the next call."""
        wanted = self.wide_threads if num_tokens >= WIDE_TOKENS else self.narrow_threads
        if torch.get_num_threads() != wanted:
            torch.set_num_threads(wanted)

    def prompt_tokens_beside(self, num_decoding: int, num_waiting: int = 0) -> int:
        """How many make a step with so many decoding sequences MAX_STRETCH times as long, or
        UNNOTICED_S longer. More than eight are taken to cost as much as prompt tokens, as they do
        where arithmetic is the bound. Those who wait for a place in a step get more."""
        step_tokens = self.narrow_step_tokens + max(0, num_decoding - len(NARROW_STEP))
        unnoticed = self.unnoticed_tokens if num_decoding else 0
        tokens = int(max(MIN_PROMPT_TOKENS, (MAX_STRETCH - 1) * step_tokens, unnoticed))
        return tokens_with_queue(tokens, num_decoding, num_waiting) if num_decoding else tokens

    def cost_at(self, position: int) -> float:
        """Of a prompt token there, relative to one that sees few others."""
        return 1.0 + position / self.doubling_context


def plan_steps(model_runner: ModelRunner) -> StepPlan:
    """The fastest threads for this model on this machine, and what its steps then cost. Also the
    model's warm-up: what is compiled or allocated at first use is, afterwards."""
    candidates = _candidates(usable_cores())
    narrow, narrow_s = _fastest(model_runner, NARROW_STEP, candidates)
    # A wide step shares its threads' barriers among more work, so it gains from no fewer.
    wider = [number for number in candidates if number >= narrow]
    wide, wide_s = _fastest(model_runner, WIDE_STEP, wider)
    torch.set_num_threads(wide)
    context = min(LONG_CONTEXT, model_runner.model.max_model_len - len(WIDE_STEP[0]))
    doubling = _doubling_context(model_runner, wide_s, context) if context > 0 else math.inf
    tokens_per_s = len(WIDE_STEP[0]) / wide_s
    plan = StepPlan(narrow, wide, narrow_s * tokens_per_s, UNNOTICED_S * tokens_per_s, doubling)
    logger.info(
        "a decode step of %d: %.2f ms on %d threads; a chunk of %d prompt tokens: %.1f ms on %d, "
        "twice that behind %.0f others; at most %d prompt tokens beside %d who wait",
        len(NARROW_STEP), narrow_s * 1e3, narrow, len(WIDE_STEP[0]), wide_s * 1e3, wide,
        doubling, plan.prompt_tokens_beside(len(NARROW_STEP)), len(NARROW_STEP),
    )  # fmt: skip
    return plan


def _fastest(
    model_runner: ModelRunner, prompts: Sequence[Sequence[int]], candidates: Sequence[int]
) -> tuple[int, float]:
    """The number of threads, and the seconds a forward takes with it."""
    best, best_s = candidates[0], math.inf
    for num_threads in candidates:
        torch.set_num_threads(num_threads)
        step_s = _step_s(model_runner, prompts)
        if step_s * MIN_GAIN < best_s:
            best, best_s = num_threads, step_s
    return best, best_s


def _doubling_context(model_runner: ModelRunner, wide_s: float, context: int) -> float:
    """Where attention takes as long as all else, by one chunk behind `context` tokens: it grows
    with them, and nothing else does."""
    before = time.perf_counter()
    model_runner.compute_behind(context, WIDE_STEP[0])
    added_s = time.perf_counter() - before - wide_s
    return context * wide_s / added_s if added_s > 0 else math.inf


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


def _step_s(model_runner: ModelRunner, prompts: Sequence[Sequence[int]]) -> float:
    """Median seconds of a forward over `prompts`, the first left out where there is time for
    more: it also warms up."""
    durations: list[float] = []
    started = time.perf_counter()
    while len(durations) <= TRIALS and time.perf_counter() - started < TIME_LIMIT_S:
        before = time.perf_counter()
        model_runner.embed(prompts)
        durations.append(time.perf_counter() - before)
    return median(durations[1:] or durations)
