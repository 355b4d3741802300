"""Several servers side by side on one model, as a page to read and a file to compute with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.load_result import LoadResult, markdown_table


@dataclass(frozen=True, slots=True)
class Comparison:
    """`results` holds every round of every load on every server."""

    title: str
    host: Mapping[str, str]
    method: Sequence[str]
    """How it was measured, a sentence each."""
    num_tokens: int
    """What every request was told to generate."""
    servers: Sequence[str]
    """The first is the one that the others are compared with."""
    results: Sequence[LoadResult]

    @property
    def loads(self) -> list[str]:
        """In order of first appearance."""
        return list(dict.fromkeys(result.load for result in self.results))

    def rounds(self, server: str, load: str) -> list[LoadResult]:
        return [result for result in self.results if (result.server, result.load) == (server, load)]

    @property
    def faults(self) -> list[str]:
        """Whatever makes the numbers less than comparable; nothing, on a good day."""
        faults = []
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

    def as_markdown(self) -> str:
        host = [f"- {name}: {value}" for name, value in self.host.items()]
        sections = [
            f"# {self.title}",
            self._throughput_table(),
            "## All numbers\n\n" + markdown_table(self._by_load()),
            "## How\n\n" + "\n".join(f"- {sentence}" for sentence in self.method),
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
            "results": [result.as_json(with_events=False) for result in self.results],
        }

    def _by_load(self) -> list[LoadResult]:
        """Load by load, and within a load in the order of `servers`."""
        pairs = [(load, server) for load in self.loads for server in self.servers]
        return [result for load, server in pairs for result in self.rounds(server, load)]

    def _throughput_table(self) -> str:
        """Output tokens per second, median (lowest-highest) of the rounds; and what the first
        server does for each token of another's."""
        first, *others = self.servers
        ratios = [f"{first} / {other}" for other in others]
        header = ["output tokens/s", *self.servers, *ratios]
        lines = [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
        for load in self.loads:
            rates = {
                server: [result.output_tokens_per_s for result in self.rounds(server, load)]
                for server in self.servers
            }
            cells = [f"{median(r):.0f} ({min(r):.0f}-{max(r):.0f})" for r in rates.values()]
            cells += [f"{median(rates[first]) / median(rates[other]):.2f}" for other in others]
            lines.append(f"| {' | '.join([load, *cells])} |")
        return "\n".join(lines)
