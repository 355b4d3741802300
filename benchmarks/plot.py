"""A comparison as one picture: throughput above, time to first token below, a column for each kind
of weights, because only servers of one column are compared."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.comparison import ComparedServer, Comparison, throughput
from benchmarks.load_result import pooled

OURS = {"linewidth": 2.6, "color": "#c8322b", "zorder": 3}
PEERS = {"linewidth": 1.4}
PEER_COLORS = ("#1f6f8b", "#d99000", "#5a7d2a", "#7a5195", "#6b6b6b", "#3a9e9e", "#a0522d")


def draw(comparison: Comparison, file: Path) -> None:
    """Writes a PNG."""
    columns = list(dict.fromkeys(server.weights for server in comparison.measured))
    figure = Figure(figsize=(4.6 * len(columns), 7.2), layout="constrained")
    grid: Any = figure.subplots(2, len(columns), squeeze=False, sharex=True, sharey="row")
    for column, weights in enumerate(columns):
        above, below = grid[0][column], grid[1][column]
        colors = iter(PEER_COLORS)
        for server in comparison.measured:
            if server.weights == weights:
                style = OURS if server.is_ours else {**PEERS, "color": next(colors, "black")}
                _lines(comparison, server, above, below, style)
        above.set_title(f"weights: {weights}")
        above.legend(fontsize=8, frameon=False)
        below.set_xlabel("clients")
    grid[0][0].set_ylabel("output tokens per second")
    grid[1][0].set_ylabel("time to first token, p50 (to p95), s")
    for axes in grid.flat:
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xscale("log", base=2)
        axes.set_xticks(clients := _clients(comparison), [str(count) for count in clients])
        axes.minorticks_off()
    grid[0][0].set_ylim(bottom=0)
    grid[1][0].set_yscale("log")
    figure.suptitle(comparison.title, fontsize=11)
    figure.savefig(file, dpi=130)


def _lines(
    comparison: Comparison, server: ComparedServer, above: Any, below: Any, style: dict[str, Any]
) -> None:
    points = []
    for load in comparison.loads:
        rounds = comparison.rounds(server.name, load)
        first = pooled(rounds, lambda record: (record.time_to_first_token_s,)) if rounds else None
        if first is not None:
            points.append((int(load.split()[0]), throughput(rounds), first.p50, first.p95))
    if not points:
        return
    clients, rates, p50s, p95s = zip(*points, strict=True)
    above.plot(clients, rates, marker="o", markersize=4, label=server.name, **style)
    below.plot(clients, p50s, marker="o", markersize=4, **style)
    below.vlines(clients, p50s, p95s, color=style["color"], alpha=0.5, linewidth=1)


def _clients(comparison: Comparison) -> list[int]:
    return [int(load.split()[0]) for load in comparison.loads]
