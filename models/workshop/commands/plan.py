"""`python -m models plan`: does it fit, and how fast will it be."""

from typing import Annotated

import typer
from rich.table import Table

from models.errors import ModelError
from models.quantization.linear_factory import SCHEMES
from models.store import resolve_model
from models.workshop.application import app
from models.workshop.output import AsJson, console, print_json
from models.workshop.planning import Load, Memory, Plan, Rates, check
from models.workshop.planning import plan as make_plan


@app.command()
def plan(
    model: Annotated[str, typer.Argument(help="Tag, folder, bundled model, Hub repository.")],
    context: Annotated[
        int, typer.Option(min=1, help="Tokens of a sequence, prompt and answer together.")
    ] = 1024,
    concurrency: Annotated[int, typer.Option(min=1, help="Sequences at once.")] = 8,
    quantization: Annotated[
        str | None, typer.Option(help="At load, of what is stored in floats: int8, int4 or float8.")
    ] = None,
    check_it: Annotated[
        bool, typer.Option("--check", help="Then load it, and say how wrong the plan was.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say whether a model, a context and so many sequences fit this machine, and how fast they will
    be, without reading a weight."""
    if quantization is not None and quantization not in SCHEMES:
        raise ModelError(f"--quantization is {quantization!r}; there is {', '.join(SCHEMES)}.")
    folder = resolve_model(model).folder
    load = Load(context, concurrency, quantization)
    planned = make_plan(folder, load)
    measured = check(folder, load) if check_it and planned.memory.fits else None
    if as_json:
        result = planned.as_dict()
        if measured is not None:
            result["deviations"] = _deviations(planned, *measured)
        print_json(result)
        return
    console.print(_memory_table(planned.memory))
    console.print(_rates_table(planned, load, None if measured is None else measured[0]))
    if measured is not None:
        worst = max(_deviations(planned, *measured).items(), key=lambda item: abs(item[1]))
        console.print(f"The plan was most wrong in {worst[0]}: by {worst[1]:+.0%}.")
    elif check_it:
        raise ModelError(
            f"it needs {planned.memory.needed / 2**30:.1f} GiB and "
            f"{planned.memory.available / 2**30:.1f} are free, so it was not tried. Ask for a "
            "shorter context, fewer sequences or fewer bits."
        )


def _deviations(planned: Plan, rates: Rates, weights_bytes: int) -> dict[str, float]:
    return {
        **planned.rates.deviations(rates),
        "weights": planned.memory.weights / max(1, weights_bytes) - 1,
    }


def _memory_table(memory: Memory) -> Table:
    table = Table("memory", "MiB")
    for name in ("weights", "kv_cache", "step", "process", "needed", "available"):
        table.add_row(name.replace("_", " "), f"{getattr(memory, name) / 2**20:.0f}")
    table.add_row("", "fits" if memory.fits else "does not fit")
    return table


def _rates_table(planned: Plan, load: Load, measured: Rates | None) -> Table:
    table = Table(
        "tokens/s",
        "planned",
        "measured" if measured else "",
        title_justify="left",
        caption=f"memory is read at {planned.bytes_per_s / 1e9:.1f} GB/s",
    )
    names = {
        "prompt": "prompt, in chunks of 128",
        "decode_alone": f"output, 1 sequence of {load.context}",
        "decode_together": f"output, {load.concurrency} sequences of {load.context}",
    }
    for name, label in names.items():
        found = f"{getattr(measured, name):.0f}" if measured else ""
        table.add_row(label, f"{getattr(planned.rates, name):.0f}", found)
    return table
