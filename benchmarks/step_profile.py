"""What an engine's step is made of: kernels, torch's own operators, and Python.

    python -m benchmarks.step_profile --model pocket --sequences 1,8,32

Operators are timed by torch's profiler. What is left of the steps that ran under it is Python:
schedule, pack, sample, update, the calls between operators, and the profiler's own microsecond or
two for each of those calls, so that the truth is a little less. `--functions` shows by cProfile
which functions it is.
"""

import cProfile
import pstats
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.table import Table
from torch.profiler import ProfilerActivity, profile

from benchmarks.models import SHAPES, model_folder
from models.store import resolve_model
from runners.engine.config import CacheConfig, SchedulerConfig
from runners.engine.engine import Engine
from runners.engine.request import GenerationRequest
from runners.engine.sampling_params import SamplingParams
from runners.loading import load_model


@dataclass(frozen=True, slots=True)
class StepTime:
    """Seconds of one step."""

    undisturbed: float
    kernels: float
    torch_operators: float
    python: float


@contextmanager
def decoding(engine: Engine, number: int, context: int, temperature: float) -> Iterator[None]:
    """So many sequences past their prompts, which share nothing; gone again afterwards."""
    rng = random.Random(number)
    params = SamplingParams(ignore_eos=True, temperature=temperature)
    names = [f"{number}-{i}" for i in range(number)]
    for name in names:
        prompt = tuple(rng.randrange(100, engine.limits.vocab_size // 2) for _ in range(context))
        engine.add_request(GenerationRequest(name, prompt, params))
    engine.step()
    while engine.last_step.num_tokens != number:
        engine.step()
    yield
    for name in names:
        engine.abort(name)
    engine.check_integrity()


def time_of_steps(engine: Engine, steps: int) -> StepTime:
    """The median of `steps` undisturbed ones, and the means of as many profiled."""
    undisturbed = median(_durations(engine, steps))
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        profiled = sum(_durations(engine, steps)) / steps
    own = {event.key: event.self_cpu_time_total / 1e6 / steps for event in profiler.key_averages()}
    kernels = sum(seconds for name, seconds in own.items() if name.startswith("kamado::"))
    operators = sum(seconds for name, seconds in own.items() if name.startswith("aten::"))
    return StepTime(undisturbed, kernels, operators, profiled - kernels - operators)


def _durations(engine: Engine, steps: int) -> list[float]:
    durations = []
    for _ in range(steps):
        engine.step()
        durations.append(engine.last_step.duration_s)
    return durations


def functions_of_steps(engine: Engine, steps: int) -> None:
    profiler = cProfile.Profile()
    started_s = time.perf_counter()
    with profiler:
        for _ in range(steps):
            engine.step()
    typer.echo(f"{steps} steps, {(time.perf_counter() - started_s) * 1e3 / steps:.2f} ms each here")
    pstats.Stats(profiler).sort_stats("tottime").print_stats(20)


def main(
    model: Annotated[str, typer.Option(help="As `bentoml serve` takes it, or a shape of ours.")] = (
        "pocket"
    ),
    quantization: Annotated[str, typer.Option(help="int8, int4 or none.")] = "int8",
    activations: Annotated[str, typer.Option(help="float32 or int8.")] = "float32",
    sequences: Annotated[str, typer.Option(help="Decoding at once, by comma.")] = "1,8,32",
    context: Annotated[int, typer.Option(help="Tokens of each prompt.")] = 128,
    steps: Annotated[int, typer.Option(help="Per measurement.")] = 200,
    temperature: Annotated[float, typer.Option(help="0 is greedy.")] = 0.0,
    functions: Annotated[bool, typer.Option("--functions", help="Also by function.")] = False,
) -> None:
    """Time the decode step of an engine, alone in this process, and say what it is made of."""
    numbers = [int(number) for number in sequences.split(",")]
    loaded = load_model(
        model_folder(model) if model in SHAPES else resolve_model(model).folder,
        quantization=None if quantization == "none" else quantization,
        activations=activations,
        device="cpu",
        max_model_len=None,
        scheduler=SchedulerConfig(max_num_seqs=max(numbers)),
        cache=CacheConfig(),
    )
    table = Table(title=f"a decode step of {model}, {quantization}, milliseconds")
    for column in ("sequences", "step", "kernels", "torch operators", "Python"):
        table.add_column(column, justify="right")
    for number in numbers:
        with decoding(loaded.engine, number, context, temperature):
            step = time_of_steps(loaded.engine, steps)
            shares = (step.undisturbed, step.kernels, step.torch_operators, step.python)
            table.add_row(str(number), *(f"{share * 1e3:.2f}" for share in shares))
            if functions:
                functions_of_steps(loaded.engine, steps)
    Console().print(table)
    typer.echo(f"torch {torch.__version__}, threads {torch.get_num_threads()}")


if __name__ == "__main__":
    typer.run(main)
