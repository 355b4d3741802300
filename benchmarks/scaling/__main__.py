"""One box to a thousand replicas, simulated from measured steps; `docs/scaling.md` says what it
means.

    python -m benchmarks.scaling --measure     # time an engine's steps on a quiet machine
    python -m benchmarks.scaling               # simulate from them

The first writes benchmarks/results/steps-MODEL.json, the second benchmarks/results/scaling.md and
scaling.png, the same ones for the same seed and steps. With the default options it takes four
minutes of one core.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from benchmarks.machine import MAX_FOREIGN_CORES
from benchmarks.peers.kamado import Kamado
from benchmarks.scaling.closed_loop import measured, simulated
from benchmarks.scaling.replica import ReplicaLimits
from benchmarks.scaling.report import as_markdown, draw
from benchmarks.scaling.simulation import Outcome
from benchmarks.scaling.step_model import StepFileError, StepMeasurement, StepModel
from benchmarks.scaling.sweep import Point, Sweep
from benchmarks.scaling.workload import Workload

RESULTS = Path(__file__).parents[1] / "results"
REAL = Kamado("int8", is_rounded=True).name
"""The server of the comparison that the simulation is held against."""
MOST_BALANCED = 100
"""Replicas at which bounds of prefix affinity are compared, at most."""

console = Console(stderr=True, highlight=False, soft_wrap=True)


def main(
    measure: Annotated[
        bool, typer.Option("--measure", help="Time steps of the engine; simulate nothing.")
    ] = False,
    model: Annotated[str, typer.Option(help="Whose steps.")] = "qwen2.5-0.5b",
    quantization: Annotated[str, typer.Option(help="With --measure: int8, int4 or none.")] = "int8",
    activations: Annotated[
        str, typer.Option(help="With --measure: float32, or int8 for the cache, too.")
    ] = "int8",
    replicas: Annotated[str, typer.Option(help="Sizes, by comma.")] = "1,10,100,1000",
    rates: Annotated[
        str, typer.Option(help="Loads, in requests per second for each replica.")
    ] = "0.25,0.5,0.75,1,1.25,1.5,1.75",
    requests: Annotated[int, typer.Option(min=3, help="For each replica.")] = 90,
    prefixes: Annotated[int, typer.Option(min=1, help="Beginnings that each replica adds.")] = 64,
    skew: Annotated[float, typer.Option(min=0, help="Zipf's exponent of their popularity.")] = 0.8,
    name: Annotated[str, typer.Option(help="Of the files in benchmarks/results.")] = "scaling",
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Simulate routing policies from one replica to a thousand."""
    steps_file = RESULTS / f"steps-{model}.json"
    if measure:
        _measure(model, quantization, activations, steps_file)
        return
    try:
        measurement = StepMeasurement.read(steps_file)
    except StepFileError as error:
        raise typer.BadParameter(str(error)) from error
    sizes = tuple(int(number) for number in replicas.split(","))
    loads = tuple(float(rate) for rate in rates.split(","))
    sweep = Sweep(
        model=StepModel.fitted(measurement.steps),
        limits=ReplicaLimits.of(measurement),
        workload=Workload(prefixes_per_replica=prefixes, skew=skew),
        replicas=sizes,
        rates=loads,
        balanced_replicas=min(MOST_BALANCED, max(sizes)),
        balanced_rates=loads[1::2],
        requests_per_replica=requests,
        seed=seed,
    )
    outcomes = _simulate(sweep)
    draw(sweep, outcomes, RESULTS / f"{name}.png")
    real = measured(RESULTS / f"{model}.json", REAL)
    page = as_markdown(
        measurement,
        sweep,
        outcomes,
        [(each, simulated(sweep.model, sweep.limits, each.clients)) for each in real],
        plot=f"{name}.png",
        command=f"python -m benchmarks.scaling --model {model} --replicas {replicas} "
        f"--rates {rates} --requests {requests} --prefixes {prefixes} --skew {skew:g} "
        f"--seed {seed} --name {name}",
    )
    (RESULTS / f"{name}.md").write_text(page, encoding="utf-8")
    console.print(f"wrote {RESULTS / name}.md and .png")


def _measure(model: str, quantization: str, activations: str, file: Path) -> None:
    # seconds of imports, for torch, that the simulation does without
    from benchmarks.scaling.measurement import measure

    with console.status("timing the engine's steps; nothing else should run on this machine"):
        measurement = measure(model, quantization, activations)
    measurement.write(file)
    console.print(f"wrote {file}")
    if measurement.foreign_cores > MAX_FOREIGN_CORES:
        console.print(
            f"[yellow]others used {measurement.foreign_cores:.2f} cores meanwhile; measure again "
            "when the machine is quiet[/yellow]"
        )


def _simulate(sweep: Sweep) -> dict[Point, Outcome]:
    columns = (
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    outcomes: dict[Point, Outcome] = {}
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=sweep.num_requests())
        for point in sweep.points():
            progress.update(
                task,
                description=f"{point.replicas} replicas, {point.policy}, "
                f"{point.rate_per_replica:g}/s",
            )
            outcomes[point] = sweep.outcome(point, lambda: progress.advance(task))
    return outcomes


if __name__ == "__main__":
    typer.run(main)
