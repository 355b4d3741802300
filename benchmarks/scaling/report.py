"""What the simulation showed, as a page to read and a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from itertools import pairwise
from math import log
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.scaling.closed_loop import ClosedLoop
from benchmarks.scaling.simulation import POLICIES, WARM_UP, Outcome
from benchmarks.scaling.step_model import StepMeasurement, StepModel
from benchmarks.scaling.sweep import BALANCES, Point, Sweep

TARGET_S = 5.0
"""First tokens of 99 in 100 requests shall come within it."""
COLORS = {"random": "#6b6b6b", "least outstanding": "#1f6f8b", "prefix affinity": "#c8322b"}
CEILING_S = 60.0
"""Of the plot: above it, latencies say only how long the run was."""

Outcomes = Mapping[Point, Outcome]


def draw(sweep: Sweep, outcomes: Outcomes, file: Path) -> None:
    """Writes a PNG: first tokens above, hits below, a column for each size."""
    figure = Figure(figsize=(3.4 * len(sweep.replicas), 6.4), layout="constrained")
    grid: Any = figure.subplots(
        2, len(sweep.replicas), squeeze=False, sharex=True, sharey="row", height_ratios=(2, 1)
    )
    for column, replicas in enumerate(sweep.replicas):
        above, below = grid[0][column], grid[1][column]
        for policy in POLICIES:
            of_rates = [outcomes[Point(replicas, policy, rate)] for rate in sweep.rates]
            style = {"color": COLORS[policy], "marker": "o", "markersize": 4}
            above.plot(sweep.rates, [each.p99_s for each in of_rates], label=policy, **style)
            below.plot(sweep.rates, [100 * each.hit_rate for each in of_rates], **style)
        above.axhline(TARGET_S, color="black", linewidth=0.8, linestyle=":")
        above.set_title(_counted(replicas))
        above.set_yscale("log")
        above.set_ylim(1, CEILING_S)
        below.set_ylim(0, 100)
        below.set_xlabel("requests/s for each replica")
    grid[0][0].set_ylabel("time to first token, p99, s")
    grid[1][0].set_ylabel("prompt tokens from caches, %")
    grid[0][0].legend(fontsize=8, frameon=False)
    for axes in grid.flat:
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=130)


def sustained(rates: Sequence[float], p99s_s: Sequence[float]) -> str:
    """The highest load that keeps to the target, interpolated between those that were run."""
    points = list(zip(rates, p99s_s, strict=True))
    if points[0][1] > TARGET_S:
        return f"below {points[0][0]:g}"
    for (lower, below_s), (upper, above_s) in pairwise(points):
        if above_s > TARGET_S:
            rate = lower + (upper - lower) * log(TARGET_S / below_s) / log(above_s / below_s)
            return f"{rate:.2f}"
    return f"{points[-1][0]:g} or more"


def as_markdown(
    measurement: StepMeasurement,
    sweep: Sweep,
    outcomes: Outcomes,
    loops: list[tuple[ClosedLoop, ClosedLoop]],
    *,
    plot: str,
    command: str,
) -> str:
    """`loops`: measured, and simulated under the same load."""
    work = sweep.workload
    sections = [
        "# Scaling, simulated",
        f"    {command}",
        f"![]({plot})",
        f"## What each size sustains\n\nThe highest load, in requests per second for each replica, "
        f"at which 99 of 100 first tokens come within {TARGET_S:g} s:",
        _sustained_table(sweep, outcomes),
        "## All points\n\nTime to first token, p99 in seconds (share of the prompts' tokens that "
        "the caches supplied), by requests per second for each replica. Where queues grow without "
        "end, the latency says only how long the run was.",
        _points_table(sweep, outcomes),
        "## How far a beginning may spill\n\nPrefix affinity at "
        f"{sweep.balanced_replicas} replicas, by how many times the average of open requests a "
        "replica may get: p99 in seconds, hits, and the requests of the busiest replica over the "
        "average.",
        _balance_table(sweep, outcomes),
        "## The workload",
        f"- {work.prefixes_per_replica} beginnings of {work.prefix_tokens} tokens for each replica,"
        f" asked for by Zipf's law with exponent {work.skew:g}; after them "
        f"{work.own_tokens[0]} to {work.own_tokens[1]} tokens of one's own.\n"
        f"- Answers have {work.mean_answer_tokens} tokens on average, geometrically.\n"
        f"- Poisson arrivals; {sweep.requests_per_replica} requests for each replica, the first "
        f"{WARM_UP:.0%} not counted; several runs are pooled where replicas are few.\n"
        f"- Each replica: {sweep.limits.max_num_seqs} sequences, {sweep.limits.max_batch_tokens} "
        f"tokens a step, a cache of {sweep.limits.cache_tokens} tokens, "
        f"{sweep.limits.max_waiting} waiting. Seed {sweep.seed}.",
        "## The step",
        _step_section(measurement, sweep.model),
        _fit_table(measurement, sweep.model),
        "## Against the real service\n\nOne replica in a closed loop, prompts of 32 to 256 tokens "
        "that share nothing, 64 tokens out, no new request after 9 s.",
        _loops_table(loops),
    ]
    return "\n\n".join(sections) + "\n"


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _sustained_table(sweep: Sweep, outcomes: Outcomes) -> str:
    rows = []
    for policy in POLICIES:
        row: list[str] = [policy]
        for replicas in sweep.replicas:
            p99s_s = [outcomes[Point(replicas, policy, rate)].p99_s for rate in sweep.rates]
            row.append(sustained(sweep.rates, p99s_s))
        rows.append(row)
    return _table(["policy", *(_counted(each) for each in sweep.replicas)], rows)


def _counted(replicas: int) -> str:
    return f"{replicas} replica{'s' if replicas > 1 else ''}"


def _points_table(sweep: Sweep, outcomes: Outcomes) -> str:
    rows = []
    for replicas in sweep.replicas:
        for policy in POLICIES:
            of_rates = [outcomes[Point(replicas, policy, rate)] for rate in sweep.rates]
            cells = [f"{each.p99_s:.1f} ({each.hit_rate:.0%})" for each in of_rates]
            rows.append([str(replicas), policy, *cells])
    return _table(["replicas", "policy", *(f"{rate:g}" for rate in sweep.rates)], rows)


def _balance_table(sweep: Sweep, outcomes: Outcomes) -> str:
    rows = []
    for balance in BALANCES:
        cells = []
        for rate in sweep.balanced_rates:
            each = outcomes[Point(sweep.balanced_replicas, "prefix affinity", rate, balance)]
            cells.append(f"{each.p99_s:.1f} ({each.hit_rate:.0%}, {each.busiest:.1f})")
        rows.append(["no bound" if balance > 100 else f"{balance:g}", *cells])
    return _table(["times the average", *(f"{rate:g}" for rate in sweep.balanced_rates)], rows)


def _step_section(measurement: StepMeasurement, model: StepModel) -> str:
    named = zip(fields(model), astuple(model), strict=True)
    coefficients = "; ".join(f"{field.name} {1e6 * value:.3g} µs" for field, value in named)
    hit = measurement.prefix_hit
    return (
        f"{measurement.model}, {measurement.quantization} weights, {measurement.activations} "
        f"activations, on {measurement.host['processor']}, {measurement.host['cores']} cores. "
        f"{measurement.origin} Others used {measurement.foreign_cores:.2f} cores meanwhile.\n\n"
        f"Fitted: {coefficients}."
        + (
            ""
            if hit is None
            else f" A prompt of {hit.prompt} tokens took {hit.miss_s:.3f} s, and with {hit.cached} "
            f"of them in the cache {hit.hit_s:.3f} s."
        )
    )


def _fit_table(measurement: StepMeasurement, model: StepModel) -> str:
    rows = [
        [
            f"{step.decoding} over {step.decode_context:.0f}" if step.decoding else "",
            f"{step.prompt} over {step.prompt_context:.0f}" if step.prompt else "",
            f"{1e3 * step.seconds:.1f}",
            f"{1e3 * model.seconds(step):.1f}",
            f"{model.seconds(step) / step.seconds - 1:+.0%}",
        ]
        for step in measurement.steps
    ]
    header = ["sequences over context", "prompt tokens over context", "ms", "fitted", "error"]
    return _table(header, rows)


def _loops_table(loops: list[tuple[ClosedLoop, ClosedLoop]]) -> str:
    rows = [
        [
            str(real.clients),
            f"{real.tokens_per_s:.0f}",
            f"{simulated.tokens_per_s:.0f}",
            f"{real.first_token_p50_s:.2f}",
            f"{simulated.first_token_p50_s:.2f}",
        ]
        for real, simulated in loops
    ]
    header = ["clients", "tokens/s, measured", "simulated", "first token p50 s", "simulated"]
    return _table(header, rows)
