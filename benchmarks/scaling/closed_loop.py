"""The check on the simulation: one simulated replica under the loads of a measured comparison."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from benchmarks.scaling.replica import ReplicaLimits
from benchmarks.scaling.routing import AtRandom
from benchmarks.scaling.simulation import Simulation
from benchmarks.scaling.step_model import StepModel
from benchmarks.scaling.workload import Request

SHORTEST, LONGEST = 32, 256
ANSWER_TOKENS = 64
ASKING_S = 9.0
"""As the comparison has it; nobody asks again after it."""
SEEDS = 20
"""Runs whose figures the medians are of: a measured run has few requests."""


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """So many clients, each waiting for its answer before it asks again."""

    clients: int
    tokens_per_s: float
    first_token_p50_s: float


def simulated(model: StepModel, limits: ReplicaLimits, clients: int) -> ClosedLoop:
    """Prompts of those lengths that share nothing; all clients begin at once."""
    rates, first_tokens_s = [], []
    for seed in range(SEEDS):
        simulation = Simulation(model, limits, 1, AtRandom(seed))
        random = Random(seed)
        for _ in range(clients):
            simulation.env.process(simulation.client(_requests(simulation, random)))
        simulation.env.run()
        tokens = sum(answer.request.answer_tokens for answer in simulation.answers)
        rates.append(tokens / simulation.env.now)
        first_tokens_s.append(median(answer.first_token_s or 0.0 for answer in simulation.answers))
    return ClosedLoop(clients, median(rates), median(first_tokens_s))


def measured(comparison: Path, server: str) -> list[ClosedLoop]:
    """What that server did in a comparison, by its number of clients; the median of its rounds."""
    content: dict[str, Any] = json.loads(comparison.read_text(encoding="utf-8"))
    rounds: dict[int, list[Any]] = {}
    for result in content["results"]:
        if result["server"] == server:
            rounds.setdefault(int(result["load"].split()[0]), []).append(result)
    return [
        ClosedLoop(
            clients=clients,
            tokens_per_s=median(each["output_tokens_per_s"] for each in results),
            first_token_p50_s=median(each["time_to_first_token_s"]["p50"] for each in results),
        )
        for clients, results in rounds.items()
    ]


def _requests(simulation: Simulation, random: Random) -> Iterator[Request]:
    while simulation.env.now < ASKING_S:
        yield Request(0.0, None, 0, random.randint(SHORTEST, LONGEST), ANSWER_TOKENS)
