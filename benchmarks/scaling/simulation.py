"""Requests from a workload, sent by a router to so many replicas: what became of each."""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

import numpy as np
import simpy

from benchmarks.scaling.replica import Answer, Replica, ReplicaLimits
from benchmarks.scaling.routing import AtRandom, LeastOutstanding, PrefixAffinity, Router
from benchmarks.scaling.step_model import StepModel
from benchmarks.scaling.workload import Request, Workload

Policy = Literal["random", "least outstanding", "prefix affinity"]
POLICIES: tuple[Policy, ...] = ("random", "least outstanding", "prefix affinity")
BALANCE = 2.0
"""A replica gets so many times the average of open requests before a beginning spills over."""
REMEMBERED = 300
"""Requests of each replica, on average, that its cache has seen before the clock starts."""
WARM_UP = 1 / 3
"""Of the requests: they fill the queues, and are not counted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one load. Latencies in seconds."""

    first_tokens_s: tuple[float, ...]
    """From arrival, of the requests after the warm-up that were answered."""
    refused: int
    """Of those after the warm-up."""
    cached_tokens: int
    prompt_tokens: int
    """Of the answered ones, the cached ones included."""
    busiest: float
    """Requests of the busiest replica over the average, the warm-up's included."""

    @property
    def p50_s(self) -> float:
        return float(np.percentile(self.first_tokens_s, 50))

    @property
    def p99_s(self) -> float:
        return float(np.percentile(self.first_tokens_s, 99))

    @property
    def hit_rate(self) -> float:
        """The share of prompts' tokens that the caches supplied."""
        return self.cached_tokens / self.prompt_tokens

    @classmethod
    def pooled(cls, outcomes: Sequence["Outcome"]) -> "Outcome":
        """Of several runs of one load."""
        return cls(
            first_tokens_s=tuple(each for run in outcomes for each in run.first_tokens_s),
            refused=sum(run.refused for run in outcomes),
            cached_tokens=sum(run.cached_tokens for run in outcomes),
            prompt_tokens=sum(run.prompt_tokens for run in outcomes),
            busiest=max(run.busiest for run in outcomes),
        )


def router(policy: Policy, replicas: int, seed: int, balance: float) -> Router:
    """`balance` is PrefixAffinity's."""
    if policy == "random":
        return AtRandom(seed)
    if policy == "least outstanding":
        return LeastOutstanding(seed)
    return PrefixAffinity(replicas, seed, balance)


class Simulation:
    """Replicas behind one router, on one clock."""

    def __init__(
        self, model: StepModel, limits: ReplicaLimits, replicas: int, router: Router
    ) -> None:
        self.env = simpy.Environment()
        self.outstanding = [0] * replicas
        self.routed = [0] * replicas
        self.answers: list[Answer] = []
        self._router = router
        self._replicas = [
            Replica(self.env, model, limits, self._on_done_at(index)) for index in range(replicas)
        ]
        self._waited_for: dict[Answer, simpy.Event] = {}

    def remember(self, requests: Iterable[Request]) -> None:
        """They were answered before the clock started, one at a time."""
        for request in requests:
            index = self._router.choose(request.prefix, self.outstanding)
            self._replicas[index].cache.remember(request)

    def send(self, request: Request) -> Answer:
        """Now."""
        answer = Answer(request)
        self.answers.append(answer)
        index = self._router.choose(request.prefix, self.outstanding)
        if self._replicas[index].submit(answer):
            self.outstanding[index] += 1
            self.routed[index] += 1
        return answer

    def arrivals(
        self, requests: Iterable[Request], on_arrival: Callable[[], None] = lambda: None
    ) -> Generator[simpy.Event, None, None]:
        """A process: each at its time."""
        for request in requests:
            yield self.env.timeout(request.arrival_s - self.env.now)
            self.send(request)
            on_arrival()

    def client(self, requests: Iterable[Request]) -> Generator[simpy.Event, None, None]:
        """A process: each when the one before is answered, whatever its time was."""
        for request in requests:
            answer = self.send(replace(request, arrival_s=self.env.now))
            self._waited_for[answer] = self.env.event()
            yield self._waited_for[answer]
            del self._waited_for[answer]

    def _on_done_at(self, index: int) -> Callable[[Answer], None]:
        def on_done(answer: Answer) -> None:
            self.outstanding[index] -= 1
            if answer in self._waited_for:
                self._waited_for[answer].succeed()

        return on_done


def simulate(
    model: StepModel,
    limits: ReplicaLimits,
    workload: Workload,
    *,
    policy: Policy,
    replicas: int,
    rate_per_replica: float,
    requests: int,
    seed: int,
    balance: float = BALANCE,
    on_arrival: Callable[[], None] = lambda: None,
) -> Outcome:
    """So many requests, until the last is answered."""
    simulation = Simulation(model, limits, replicas, router(policy, replicas, seed, balance))
    arriving = workload.requests(rate_per_replica * replicas, replicas, seed)
    before = workload.requests(1.0, replicas, seed + 1)
    simulation.remember(islice(before, REMEMBERED * replicas))
    simulation.env.process(simulation.arrivals(islice(arriving, requests), on_arrival))
    simulation.env.run()
    counted = simulation.answers[int(WARM_UP * requests) :]
    answered = [answer for answer in counted if answer.first_token_s is not None]
    return Outcome(
        first_tokens_s=tuple(
            answer.first_token_s for answer in answered if answer.first_token_s is not None
        ),
        refused=len(counted) - len(answered),
        cached_tokens=sum(answer.cached_tokens for answer in answered),
        prompt_tokens=sum(answer.request.prompt_tokens for answer in answered),
        busiest=max(simulation.routed) * replicas / sum(simulation.routed),
    )
