"""Every policy under every load, at every size."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.scaling.replica import ReplicaLimits
from benchmarks.scaling.simulation import BALANCE, POLICIES, Outcome, Policy, simulate
from benchmarks.scaling.step_model import StepModel
from benchmarks.scaling.workload import Workload

MIN_REQUESTS = 1800
"""Behind each point: for a 99th percentile of few replicas several runs are pooled."""
BALANCES = (1.25, 1.5, 2.0, 3.0, 5.0, 1000.0)


@dataclass(frozen=True, slots=True)
class Point:
    replicas: int
    policy: Policy
    rate_per_replica: float
    balance: float = BALANCE


@dataclass(frozen=True, slots=True)
class Sweep:
    """All runs are as long: so many requests for each replica."""

    model: StepModel
    limits: ReplicaLimits
    workload: Workload
    replicas: tuple[int, ...]
    rates: tuple[float, ...]
    """Requests per second and replica."""
    balanced_replicas: int
    balanced_rates: tuple[float, ...]
    requests_per_replica: int
    seed: int

    def points(self) -> Iterator[Point]:
        """By size, policy, load; then prefix affinity with other balances."""
        for replicas in self.replicas:
            for policy in POLICIES:
                for rate in self.rates:
                    yield Point(replicas, policy, rate)
        for balance in BALANCES:
            for rate in self.balanced_rates:
                yield Point(self.balanced_replicas, "prefix affinity", rate, balance)

    def runs(self, point: Point) -> int:
        return max(1, MIN_REQUESTS // (self.requests_per_replica * point.replicas))

    def num_requests(self) -> int:
        """Of all points."""
        return sum(
            self.runs(point) * self.requests_per_replica * point.replicas for point in self.points()
        )

    def outcome(self, point: Point, on_arrival: Callable[[], None] = lambda: None) -> Outcome:
        return Outcome.pooled(
            [
                simulate(
                    self.model,
                    self.limits,
                    self.workload,
                    policy=point.policy,
                    replicas=point.replicas,
                    rate_per_replica=point.rate_per_replica,
                    requests=self.requests_per_replica * point.replicas,
                    seed=self.seed + 10 * run,
                    balance=point.balance,
                    on_arrival=on_arrival,
                )
                for run in range(self.runs(point))
            ]
        )
