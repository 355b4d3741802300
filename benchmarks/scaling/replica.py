"""One replica, simulated: the engine's scheduler over times instead of tensors.

It takes up requests in order under the same limits as `runners/engine/scheduler.py`: sequences at
once, tokens of a step, prompt tokens beside those who wait for their next. Whoever's beginning is
being computed for somebody else stands aside and then finds it. What requests leave in the cache
stays, least recently used out first. Not simulated: preemption (room for a whole answer is kept
from the start), HTTP, and a cache divided into blocks.
"""

from bisect import bisect_left
from collections.abc import Callable, Generator
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count

import numpy as np
import simpy

from benchmarks.scaling.prefix_cache import PrefixCache
from benchmarks.scaling.step_model import StepMeasurement, StepModel
from benchmarks.scaling.workload import Request
from runners.engine.prefill_budget import tokens_with_queue


@dataclass(frozen=True, slots=True)
class ReplicaLimits:
    """As the service has them."""

    max_num_seqs: int
    max_batch_tokens: int
    max_waiting: int
    cache_tokens: int
    prompt_tokens_beside: tuple[int, ...]
    """By how many wait for their next token."""

    @classmethod
    def of(cls, measurement: StepMeasurement, max_waiting: int = 256) -> "ReplicaLimits":
        numbers, tokens = zip(*measurement.prompt_tokens_beside, strict=True)
        by_number = np.interp(range(measurement.max_num_seqs + 1), numbers, tokens)
        return cls(
            max_num_seqs=measurement.max_num_seqs,
            max_batch_tokens=measurement.max_batch_tokens,
            max_waiting=max_waiting,
            cache_tokens=measurement.cache_tokens,
            prompt_tokens_beside=tuple(int(each) for each in by_number),
        )


@dataclass(slots=True, eq=False)
class Answer:
    """A request at its replica, and in the end what became of it."""

    request: Request
    first_token_s: float | None = None
    """From its arrival; None: refused."""
    done_s: float | None = None
    cached_tokens: int = 0
    computed_tokens: int = 0
    """Of its prompt, the cached ones included."""

    @property
    def tokens_left(self) -> int:
        return self.request.prompt_tokens - self.computed_tokens


class Replica:
    """`submit` on arrival; `on_done` is told when an answer has ended. Both at `env.now`."""

    def __init__(
        self,
        env: simpy.Environment,
        model: StepModel,
        limits: ReplicaLimits,
        on_done: Callable[[Answer], None],
    ) -> None:
        self._env = env
        self._model = model
        self._limits = limits
        self._on_done = on_done
        self.cache = PrefixCache(limits.cache_tokens)
        self._waiting: list[Answer] = []
        self._prefilling: list[Answer] = []
        self._ends: list[tuple[int, int, Answer]] = []
        """Heap of those that decode, by the step after which they have ended."""
        self._order = count()
        self._steps = 0
        self._context = 0
        """Of all that decode, in tokens."""
        self._wakes = env.event()
        self._may_be_cut_short = False
        self._process = env.process(self._run())

    def submit(self, answer: Answer) -> bool:
        """False: refused, for too many wait. Raises ValueError for one that never has room."""
        request = answer.request
        if request.prompt_tokens + request.answer_tokens > self._limits.cache_tokens:
            raise ValueError(
                f"a request has {request.prompt_tokens + request.answer_tokens} tokens; the cache "
                f"holds {self._limits.cache_tokens}. Shorten the workload's prompts."
            )
        num_open = len(self._waiting) + len(self._prefilling) + len(self._ends)
        if num_open >= self._limits.max_num_seqs + self._limits.max_waiting:
            return False
        self._waiting.append(answer)
        if not self._wakes.triggered:
            self._wakes.succeed()
        elif self._may_be_cut_short:
            self._may_be_cut_short = False
            self._process.interrupt()
        return True

    def _run(self) -> Generator[simpy.Event, None, None]:
        while True:
            chunks = self._schedule()
            if not chunks and not self._ends:
                self._wakes = self._env.event()
                yield self._wakes
                continue
            yield from self._step(chunks)

    def _schedule(self) -> list[tuple[Answer, int]]:
        """Who computes how many prompt tokens in the next step. Admits while there is room."""
        num_decoding = len(self._ends)
        budget = self._limits.max_batch_tokens - num_decoding
        if num_decoding:
            tokens = self._limits.prompt_tokens_beside[num_decoding]
            budget = min(budget, tokens_with_queue(tokens, num_decoding, len(self._waiting)))
        chunks: list[tuple[Answer, int]] = []
        for answer in self._prefilling:
            if budget <= 0:
                return chunks
            chunks.append((answer, min(budget, answer.tokens_left)))
            budget -= chunks[-1][1]
        for answer in tuple(self._waiting):
            is_full = len(self._prefilling) + num_decoding >= self._limits.max_num_seqs
            if budget <= 0 or is_full:
                break
            prefix = answer.request.prefix
            if prefix is not None and self.cache.is_in_flight(prefix):
                continue
            if not self.cache.take(answer.request):
                break
            if prefix is not None and self.cache.is_computed(prefix):
                answer.computed_tokens = answer.cached_tokens = answer.request.prefix_tokens
            self._waiting.remove(answer)
            self._prefilling.append(answer)
            chunks.append((answer, min(budget, answer.tokens_left)))
            budget -= chunks[-1][1]
        return chunks

    def _step(self, chunks: list[tuple[Answer, int]]) -> Generator[simpy.Event, None, None]:
        """As many steps as are alike: until somebody ends, or a prompt does, or one arrives that
        need not wait for a prompt."""
        num_steps = self._ends[0][0] - self._steps if self._ends else 1
        if chunks:
            answer, tokens = chunks[0]
            is_alone = len(chunks) == 1 and tokens < answer.tokens_left
            whole_steps = answer.tokens_left // tokens if is_alone else 1
            num_steps = min(num_steps, whole_steps) if self._ends else whole_steps
        started_s = self._env.now
        self._may_be_cut_short = not chunks and num_steps > 1
        try:
            yield self._env.timeout(self._seconds(num_steps, chunks))
        except simpy.Interrupt:
            elapsed_s = self._env.now - started_s
            candidates = range(1, num_steps + 1)
            num_steps = 1 + bisect_left(
                candidates, elapsed_s, key=lambda number: self._seconds(number, chunks)
            )
            remaining_s = started_s + self._seconds(num_steps, chunks) - self._env.now
            yield self._env.timeout(max(0.0, remaining_s))
        self._may_be_cut_short = False
        self._advance(num_steps, chunks)

    def _seconds(self, num_steps: int, chunks: list[tuple[Answer, int]]) -> float:
        prompt = sum(tokens for _, tokens in chunks)
        before = sum(answer.computed_tokens * tokens for answer, tokens in chunks)
        return self._model.seconds_of(
            num_steps,
            decoding=len(self._ends),
            context=self._context,
            prompt=prompt,
            prompt_context=before // prompt if prompt else 0,
        )

    def _advance(self, num_steps: int, chunks: list[tuple[Answer, int]]) -> None:
        self._steps += num_steps
        self._context += num_steps * len(self._ends)
        while self._ends and self._ends[0][0] <= self._steps:
            self._end(heappop(self._ends)[2])
        for answer, tokens in chunks:
            answer.computed_tokens += num_steps * tokens
            request = answer.request
            if request.prefix is not None and answer.computed_tokens >= request.prefix_tokens:
                self.cache.computed(request.prefix)
            if not answer.tokens_left:
                self._prefilling.remove(answer)
                self._begin_answer(answer)

    def _begin_answer(self, answer: Answer) -> None:
        """Its prompt's last step gave the first token."""
        answer.first_token_s = self._env.now - answer.request.arrival_s
        more = answer.request.answer_tokens - 1
        self._context += answer.request.prompt_tokens
        if more:
            heappush(self._ends, (self._steps + more, next(self._order), answer))
        else:
            self._end(answer)

    def _end(self, answer: Answer) -> None:
        request = answer.request
        self._context -= request.prompt_tokens + request.answer_tokens - 1
        self.cache.leave(request)
        answer.done_s = self._env.now - request.arrival_s
        self._on_done(answer)
