"""Several servers side by side on one model, as a page to read and a file to compute with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchmarks.load_result import LoadResult, markdown_table, pooled
from benchmarks.peers.peer import Weights
from benchmarks.percentiles import Percentiles, milliseconds


@dataclass(frozen=True, slots=True)
class ComparedServer:
    name: str
    weights: Weights
    remark: str
    is_ours: bool = False
    ready_s: tuple[float, ...] = ()
    """From start to ready, of each start."""
    unavailable: str | None = None
    """Why there are no results."""


@dataclass(frozen=True, slots=True)
class Duel:
    """One of ours against the best of its peers with the same weights, at one load. Who is best is
    asked for each measure anew."""

    load: str
    ours: str
    output_tokens_per_s: tuple[float, str, float]
    """Ours; the best peer, and its."""
    first_token_p50_s: tuple[float, str, float]
    first_token_p95_s: tuple[float, str, float]
    per_token_p50_s: tuple[float, str, float] | None
    """None if no peer streams."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`results` holds every round of every load on every server."""

    title: str
    host: Mapping[str, str]
    method: Sequence[str]
    """How it was measured, a sentence each."""
    num_tokens: int
    """What every request was told to generate."""
    servers: Sequence[ComparedServer]
    results: Sequence[LoadResult]
    num_discarded: int = 0
    """Attempts that were repeated because others used the machine."""

    @property
    def loads(self) -> list[str]:
        """In order of first appearance."""
        return list(dict.fromkeys(result.load for result in self.results))

    @property
    def measured(self) -> list[ComparedServer]:
        """Those with results, by their weights."""
        names = {result.server for result in self.results}
        of_weights = list(dict.fromkeys(server.weights for server in self.servers))
        servers = [server for server in self.servers if server.name in names]
        return sorted(servers, key=lambda server: of_weights.index(server.weights))

    def rounds(self, server: str, load: str) -> list[LoadResult]:
        return [result for result in self.results if (result.server, result.load) == (server, load)]

    def duels(self) -> list[Duel]:
        """Only where both sides have been measured."""
        return [
            duel
            for ours in self.measured
            if ours.is_ours
            for load in self.loads
            if (duel := self._duel(ours, load)) is not None
        ]

    @property
    def faults(self) -> list[str]:
        """Whatever makes the numbers less than comparable; nothing, on a good day."""
        faults = [
            f"{server.name} is missing: {server.unavailable}"
            for server in self.servers
            if server.unavailable is not None
        ]
        for result in self.results:
            where = f"{result.server}, {result.load}"
            faults += [f"{where}: {error}" for error in sorted(set(result.errors))]
            if set(result.output_tokens) - {self.num_tokens}:
                low, high = min(result.output_tokens), max(result.output_tokens)
                faults.append(f"{where}: {low} to {high} tokens where {self.num_tokens} were asked")
        uses = [result.machine for result in self.results if result.machine.is_contaminated]
        if uses:
            most = max(use.others_cores or 0.0 for use in uses)
            faults.append(
                f"other work took up to {most:.2f} cores in {len(uses)} of {len(self.results)} runs"
            )
        return faults

    def as_markdown(self, plot: str | None = None) -> str:
        host = [f"- {name}: {value}" for name, value in self.host.items()]
        repeated = f"- {self.num_discarded} disturbed attempts were repeated."
        sections = [
            f"# {self.title}",
            *([f"![]({plot})"] if plot else []),
            self._throughput_table(),
            *self._duel_section(),
            "## All numbers\n\n" + markdown_table(self._by_load()),
            "## The servers\n\n" + self._server_table(),
            "## How\n\n" + "\n".join([*(f"- {words}" for words in self.method), repeated]),
            "## On what\n\n" + "\n".join(host),
            "## Faults\n\n" + "\n".join(f"- {fault}" for fault in self.faults or ["none"]),
        ]
        return "\n\n".join(sections) + "\n"

    def as_json(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "host": dict(self.host),
            "method": list(self.method),
            "faults": self.faults,
            "servers": [asdict(server) for server in self.servers],
            "duels": [asdict(duel) for duel in self.duels()],
            "num_discarded": self.num_discarded,
            "results": [result.as_json(with_events=False) for result in self.results],
        }

    def _duel(self, ours: ComparedServer, load: str) -> Duel | None:
        own = self._answered_rounds(ours.name, load)
        peers = [
            self._answered_rounds(server.name, load)
            for server in self.measured
            if server.weights == ours.weights and not server.is_ours
        ]
        others = [rounds for rounds in peers if rounds]
        if not others or not own:
            return None

        def best(
            measure: Callable[[Sequence[LoadResult]], float | None], choose: Callable[..., Any]
        ) -> tuple[float, str, float] | None:
            values = [(value, r[0].server) for r in others if (value := measure(r)) is not None]
            our_value = measure(own)
            if not values or our_value is None:
                return None
            value, name = choose(values)
            return our_value, name, value

        rates = best(throughput, max)
        first_p50 = best(lambda rounds: _first_token(rounds).p50, min)
        first_p95 = best(lambda rounds: _first_token(rounds).p95, min)
        assert rates is not None
        assert first_p50 is not None
        assert first_p95 is not None
        return Duel(load, ours.name, rates, first_p50, first_p95, best(_per_token_p50, min))

    def _answered_rounds(self, server: str, load: str) -> list[LoadResult]:
        """None of a server that failed all requests of one."""
        rounds = self.rounds(server, load)
        return rounds if all(result.answered for result in rounds) else []

    def _by_load(self) -> list[LoadResult]:
        """Load by load, and within a load server by server."""
        pairs = [(load, server.name) for load in self.loads for server in self.measured]
        return [result for load, server in pairs for result in self.rounds(server, load)]

    def _throughput_table(self) -> str:
        """Output tokens per second, median (lowest-highest) of the rounds."""
        lines = [
            f"| output tokens/s | weights | {' | '.join(self.loads)} |",
            "|" + "---|" * (2 + len(self.loads)),
        ]
        for server in self.measured:
            cells = [_spread(self.rounds(server.name, load)) for load in self.loads]
            name = f"**{server.name}**" if server.is_ours else server.name
            lines.append(f"| {' | '.join([name, server.weights, *cells])} |")
        return "\n".join(lines)

    def _duel_section(self) -> list[str]:
        duels = self.duels()
        if not duels:
            return []
        header = (
            "ours | load | output tok/s | best peer's | ratio | first token p50 ms | best peer's "
            "| first token p95 ms | best peer's | per token p50 ms | best peer's"
        )
        lines = [f"| {header} |", "|" + "---|" * (header.count("|") + 1)]
        lines += [_duel_row(duel) for duel in duels]
        return ["## Against the best peer with the same weights\n\n" + "\n".join(lines)]

    def _server_table(self) -> str:
        lines = ["| server | weights | start to ready s | version, settings |", "|---|---|---|---|"]
        for server in self.servers:
            ready = f"{median(server.ready_s):.1f}" if server.ready_s else "-"
            remark = server.unavailable and f"**not available**: {server.unavailable}"
            lines.append(
                f"| {server.name} | {server.weights} | {ready} | {_cell(remark or server.remark)} |"
            )
        return "\n".join(lines)


def throughput(rounds: Sequence[LoadResult]) -> float:
    """Output tokens per second, median of the rounds."""
    return median(result.output_tokens_per_s for result in rounds)


def _first_token(rounds: Sequence[LoadResult]) -> Percentiles:
    percentiles = pooled(rounds, lambda record: (record.time_to_first_token_s,))
    assert percentiles is not None  # somebody was answered
    return percentiles


def _per_token_p50(rounds: Sequence[LoadResult]) -> float | None:
    percentiles = pooled(rounds, lambda record: (record.time_per_output_token_s,))
    return None if percentiles is None else percentiles.p50


def _spread(rounds: Sequence[LoadResult]) -> str:
    if not rounds:
        return "-"
    rates = [result.output_tokens_per_s for result in rounds]
    star = " *" if any(result.machine.is_contaminated for result in rounds) else ""
    spread = f" ({min(rates):.0f}-{max(rates):.0f})" if len(rates) > 1 else ""
    return f"{median(rates):.{0 if median(rates) >= 100 else 1}f}{spread}{star}"


def _duel_row(duel: Duel) -> str:
    ours, best_name, best = duel.output_tokens_per_s
    cells = [duel.ours, duel.load, f"{ours:.1f}", f"{best:.1f} {best_name}", f"{ours / best:.2f}"]
    for latency in (duel.first_token_p50_s, duel.first_token_p95_s, duel.per_token_p50_s):
        if latency is None:
            cells += ["-", "-"]
        else:
            own, name, peers = latency
            cells += [milliseconds(own), f"{milliseconds(peers)} {name}"]
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
