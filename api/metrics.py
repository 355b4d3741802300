"""What Prometheus reads of this service, as plain numbers in the one process that serves.

BentoML's own metrics live in files that all its servers on a machine share, and that the next one
to start deletes. Ours stay in memory and are appended to its /metrics page. Every label has a
small, closed set of values.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from runners.engine.stats import EngineStats, StepStats

LATENCIES_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
POWERS_OF_TWO = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)


class Histogram:
    """Observed by one thread at a time; read by another without harm."""

    def __init__(self, name: str, documentation: str, bounds: Sequence[float]) -> None:
        self._name, self._documentation, self._bounds = name, documentation, bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def family(self) -> HistogramMetricFamily:
        names = [*map(str, map(float, self._bounds)), "+Inf"]
        buckets = list(zip(names, map(float, accumulate(self._counts)), strict=True))
        return HistogramMetricFamily(
            self._name, self._documentation, buckets=buckets, sum_value=self._sum
        )


class Metrics(Collector):
    """`engine_stats` gives None until there is an engine."""

    def __init__(self, engine_stats: Callable[[], EngineStats | None]) -> None:
        self._engine_stats = engine_stats
        self._requests: Counter[tuple[str, int]] = Counter()
        self._callers_requests: Counter[str] = Counter()
        self._callers_tokens: Counter[tuple[str, str]] = Counter()
        self.time_to_first_token_s = Histogram(
            "kamado_time_to_first_token_seconds",
            "From a generation's admission to its first token.",
            LATENCIES_S,
        )
        self.time_per_output_token_s = Histogram(
            "kamado_time_per_output_token_seconds",
            "Mean time between the tokens of one choice, after its first.",
            LATENCIES_S,
        )
        self._step_s = Histogram("kamado_step_seconds", "Duration of a step.", LATENCIES_S)
        self._step_seqs = Histogram(
            "kamado_batch_sequences", "Sequences that a step advanced.", POWERS_OF_TWO
        )
        self._step_tokens = Histogram(
            "kamado_batch_tokens", "Tokens that a step computed.", POWERS_OF_TWO
        )

    def count_request(self, route: str, status: int, caller: str | None = None) -> None:
        """`route` is a route's pattern, never a path that a client chose; `caller` the name of an
        API key."""
        self._requests[route, status] += 1
        if caller is not None:
            self._callers_requests[caller] += 1

    def count_tokens(self, caller: str | None, *, prompt: int = 0, generated: int = 0) -> None:
        """Of one who has an API key."""
        if caller is not None:
            self._callers_tokens[caller, "prompt"] += prompt
            self._callers_tokens[caller, "generated"] += generated

    def observe_step(self, step: StepStats) -> None:
        """Called on the engine's thread."""
        self._step_s.observe(step.duration_s)
        self._step_seqs.observe(step.num_seqs)
        self._step_tokens.observe(step.num_tokens)

    def render(self, *more: Collector) -> str:
        """As text, with what `more` has to tell behind it."""
        registry = CollectorRegistry(auto_describe=False)
        for collector in (self, *more):
            registry.register(collector)
        return generate_latest(registry).decode()

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "kamado_requests", "Answered requests.", labels=["route", "status"]
        )
        for (route, status), count in tuple(self._requests.items()):
            requests.add_metric([route, str(status)], count)
        yield requests
        yield from self._caller_families()
        yield self.time_to_first_token_s.family()
        yield self.time_per_output_token_s.family()
        yield self._step_s.family()
        yield self._step_seqs.family()
        yield self._step_tokens.family()
        if (stats := self._engine_stats()) is not None:
            yield from _engine_families(stats)

    def _caller_families(self) -> Iterator[Metric]:
        """Nothing where there are no API keys."""
        if not self._callers_requests:
            return
        requests = CounterMetricFamily(
            "kamado_caller_requests", "Requests by the name of their API key.", labels=["caller"]
        )
        for caller, count in tuple(self._callers_requests.items()):
            requests.add_metric([caller], count)
        yield requests
        tokens = CounterMetricFamily(
            "kamado_caller_tokens",
            "Tokens of generations by the name of their API key.",
            labels=["caller", "kind"],
        )
        for (caller, kind), count in tuple(self._callers_tokens.items()):
            tokens.add_metric([caller, kind], count)
        yield tokens


def _engine_families(stats: EngineStats) -> Iterator[Metric]:
    gauges = {
        "kamado_sequences_running": ("Sequences in the batch.", stats.num_running),
        "kamado_sequences_waiting": ("Sequences in the queue.", stats.num_waiting),
        "kamado_cache_blocks": ("Blocks of the KV cache.", stats.num_blocks),
        "kamado_cache_blocks_in_use": ("Blocks a live sequence holds.", stats.num_blocks_in_use),
        "kamado_cache_blocks_cached": (
            "Free blocks whose prefix can be used again.",
            stats.num_blocks_cached,
        ),
    }
    counters = {
        "kamado_prompt_tokens": ("Prompt tokens of admitted requests.", stats.total_prompt_tokens),
        "kamado_cached_prompt_tokens": (
            "Of the prompt tokens, those that the prefix cache supplied.",
            stats.total_cached_tokens,
        ),
        "kamado_generated_tokens": ("Tokens sampled.", stats.total_generated_tokens),
        "kamado_preemptions": ("Sequences put back for want of blocks.", stats.total_preemptions),
        "kamado_steps": ("Steps of the engine.", stats.total_steps),
    }
    for name, (documentation, value) in gauges.items():
        yield GaugeMetricFamily(name, documentation, value=value)
    for name, (documentation, value) in counters.items():
        yield CounterMetricFamily(name, documentation, value=value)
