"""Clients that ask an engine for one answer after another, in its own thread and process: what the
engine does, without HTTP."""

import random
import time
from collections import deque
from dataclasses import dataclass, field
from statistics import median, quantiles

from runners.engine.engine import Engine
from runners.engine.request import GenerationRequest
from runners.engine.sampling_params import SamplingParams


@dataclass(frozen=True, slots=True)
class Load:
    clients: int
    requests: int
    prompt_tokens: int
    new_tokens: int
    staggered: bool = False
    """Clients' first answers differ in length, so that they do not all ask again at once."""


@dataclass(slots=True)
class LoopResult:
    duration_s: float = 0.0
    num_tokens: int = 0
    first_token_s: list[float] = field(default_factory=list)
    """From asking, of every request."""
    answer_s: list[float] = field(default_factory=list)
    """From its first token to its last, of every request."""

    @property
    def tokens_per_s(self) -> float:
        return self.num_tokens / self.duration_s

    def first_token_ms(self, *, leave_out: int) -> tuple[float, float]:
        """Median and 95th percentile, without those that were first to ask."""
        values = self.first_token_s[leave_out:] or self.first_token_s
        if len(values) < 2:
            return values[0] * 1e3, values[0] * 1e3
        return median(values) * 1e3, quantiles(values, n=20)[-1] * 1e3


def run_clients(engine: Engine, load: Load, seed: int = 0) -> LoopResult:
    """Prompts share nothing, and nobody stops before all tokens are there."""
    rng = random.Random(seed)
    asked: dict[str, float] = {}
    first: dict[str, float] = {}
    result = LoopResult()
    waiting = deque(range(load.requests))

    def ask(fraction: float = 1.0) -> None:
        if not waiting:
            return
        name = str(waiting.popleft())
        prompt = tuple(rng.randrange(engine.limits.vocab_size) for _ in range(load.prompt_tokens))
        length = max(2, int(load.new_tokens * fraction))
        params = SamplingParams(temperature=0.0, max_tokens=length, ignore_eos=True)
        asked[name] = time.perf_counter()
        engine.add_request(GenerationRequest(name, prompt, params))

    started = time.perf_counter()
    for client in range(load.clients):
        ask((client + 1) / load.clients if load.staggered else 1.0)
    while engine.has_work:
        for output in engine.step():
            if output.error is not None:
                raise RuntimeError(f"a request failed: {output.error}")
            now, name = time.perf_counter(), output.request_id
            result.num_tokens += len(output.token_ids)
            if name not in first:
                first[name] = now
                result.first_token_s.append(now - asked[name])
            if output.finish_reason is not None:
                result.answer_s.append(now - first[name])
                ask()
    result.duration_s = time.perf_counter() - started
    return result
