"""One load on one server, from the first request to the last answer, and what it comes to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchmarks.machine import MachineUse
from benchmarks.percentiles import Percentiles, milliseconds
from benchmarks.request_record import RequestRecord


@dataclass(frozen=True, slots=True)
class LoadResult:
    """Latencies are those of the answered requests; the failed ones are counted beside them."""

    server: str
    load: str
    records: tuple[RequestRecord, ...]
    machine: MachineUse

    @property
    def answered(self) -> list[RequestRecord]:
        return [record for record in self.records if record.error is None]

    @property
    def errors(self) -> list[str]:
        return [record.error for record in self.records if record.error is not None]

    @property
    def wall_s(self) -> float:
        """From the first request sent to the last stream's end."""
        starts = [record.start_s for record in self.records]
        return max(record.end_s for record in self.records) - min(starts)

    @property
    def output_tokens(self) -> list[int]:
        """Per answered request."""
        return [record.completion_tokens for record in self.answered]

    @property
    def output_tokens_per_s(self) -> float:
        return sum(self.output_tokens) / self.wall_s

    @property
    def requests_per_s(self) -> float:
        return len(self.answered) / self.wall_s

    @property
    def time_to_first_token_s(self) -> Percentiles | None:
        return _percentiles(self.answered, lambda record: (record.time_to_first_token_s,))

    @property
    def inter_token_latency_s(self) -> Percentiles | None:
        return _percentiles(self.answered, lambda record: record.inter_token_latencies_s)

    @property
    def time_per_output_token_s(self) -> Percentiles | None:
        return _percentiles(self.answered, lambda record: (record.time_per_output_token_s,))

    def as_json(self, *, with_events: bool = True) -> dict[str, Any]:
        """Everything, the single requests included; times are seconds since the first was sent."""
        zero_s = min(record.start_s for record in self.records)
        return {
            "server": self.server,
            "load": self.load,
            "wall_s": self.wall_s,
            "output_tokens_per_s": self.output_tokens_per_s,
            "requests_per_s": self.requests_per_s,
            "num_errors": len(self.errors),
            "time_to_first_token_s": _as_dict(self.time_to_first_token_s),
            "inter_token_latency_s": _as_dict(self.inter_token_latency_s),
            "time_per_output_token_s": _as_dict(self.time_per_output_token_s),
            "machine": {**asdict(self.machine), "is_contaminated": self.machine.is_contaminated},
            "requests": [_since(record, zero_s, with_events) for record in self.records],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "LoadResult":
        """What `as_json()` wrote, its events included."""
        machine = dict(content["machine"])
        del machine["is_contaminated"]
        machine["strangers"] = tuple((name, cores) for name, cores in machine["strangers"])
        records = tuple(
            RequestRecord(**{**request, "event_times_s": tuple(request["event_times_s"])})
            for request in content["requests"]
        )
        return cls(content["server"], content["load"], records, MachineUse(**machine))


HEADER = (
    "server | load | requests | failed | tokens in | tokens out | output tok/s | requests/s "
    "| first token p50 / p95 / p99 ms | between tokens p50 / p95 / p99 ms | per token p50 ms "
    "| peak RSS MiB | foreign cores | load average"
)


def markdown_table(results: Sequence[LoadResult]) -> str:
    """A row per server and load; rounds of the same two become one row.

    Throughput is the median of the rounds, latencies are those of all their requests together. A
    star marks a row of which a round was contaminated.
    """
    columns = HEADER.count("|") + 1
    lines = [f"| {HEADER} |", "|" + "---|" * columns]
    rows: dict[tuple[str, str], list[LoadResult]] = {}
    for result in results:
        rows.setdefault((result.load, result.server), []).append(result)
    lines += [_row(rounds) for rounds in rows.values()]
    return "\n".join(lines)


def pooled(
    rounds: Sequence[LoadResult],
    latencies_s: Callable[[RequestRecord], Sequence[float | None]],
) -> Percentiles | None:
    """Of all answered requests of the rounds together; None if there are none."""
    return _percentiles([record for result in rounds for record in result.answered], latencies_s)


def _row(rounds: Sequence[LoadResult]) -> str:
    records = [record for result in rounds for record in result.answered]
    machines = [result.machine for result in rounds]
    peaks = [peak for use in machines if (peak := use.server_peak_rss_bytes) is not None]
    others = [cores for use in machines if (cores := use.others_cores) is not None]
    star = " *" if any(use.is_contaminated for use in machines) else ""
    per_token = _percentiles(records, lambda record: (record.time_per_output_token_s,))
    cells = (
        rounds[0].server,
        rounds[0].load,
        str(sum(len(result.records) for result in rounds)),
        str(sum(len(result.errors) for result in rounds)),
        _range([record.prompt_tokens for record in records]),
        _range([record.completion_tokens for record in records]),
        f"{median(result.output_tokens_per_s for result in rounds):.1f}",
        f"{median(result.requests_per_s for result in rounds):.2f}",
        _in_ms(_percentiles(records, lambda record: (record.time_to_first_token_s,))),
        _in_ms(_percentiles(records, lambda record: record.inter_token_latencies_s)),
        "-" if per_token is None else milliseconds(per_token.p50),
        f"{max(peaks) / 2**20:.0f}" if peaks else "-",
        f"{max(others):.2f}{star}" if others else "-",
        f"{max(use.load_average for use in machines):.1f}",
    )
    return f"| {' | '.join(cells)} |"


def _percentiles(
    records: Sequence[RequestRecord],
    latencies_s: Callable[[RequestRecord], Sequence[float | None]],
) -> Percentiles | None:
    values = [value for record in records for value in latencies_s(record) if value is not None]
    return Percentiles.of(values)


def _range(counts: Sequence[int]) -> str:
    if not counts:
        return "-"
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low}-{high}"


def _in_ms(percentiles: Percentiles | None) -> str:
    return "-" if percentiles is None else percentiles.in_ms()


def _as_dict(percentiles: Percentiles | None) -> dict[str, float] | None:
    return None if percentiles is None else asdict(percentiles)


def _since(record: RequestRecord, zero_s: float, with_events: bool) -> dict[str, Any]:
    fields = asdict(record)
    fields["start_s"] = round(record.start_s - zero_s, 5)
    fields["end_s"] = round(record.end_s - zero_s, 5)
    times_s = [round(time_s - zero_s, 5) for time_s in fields.pop("event_times_s")]
    return {**fields, "event_times_s": times_s} if with_events else fields
