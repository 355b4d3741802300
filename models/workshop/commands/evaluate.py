"""`python -m models evaluate`: a model against its original, or against itself; and on tasks."""

from pathlib import Path
from typing import Annotated, Any

import typer

from models.architectures.cache_precision import CachePrecision
from models.errors import ModelError
from models.store import resolve_model
from models.workshop.application import app
from models.workshop.card_view import figures_table, tasks_table
from models.workshop.evaluate import Original, compare, figures_of
from models.workshop.output import AsJson, console, print_json
from models.workshop.recipe import Evaluation
from models.workshop.tasks import Tasks


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="Tag, folder, bundled model.")],
    original: Annotated[
        str | None, typer.Option(help="The unquantised model to compare with.")
    ] = None,
    text: Annotated[
        Path | None, typer.Option(help="A UTF-8 file to compare on; left out: a bundled text.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(min=16, help="Of the text.")] = 2048,
    skills: Annotated[
        int, typer.Option(min=0, help="Held-out cases of each of pocket's skills; pocket alone.")
    ] = 0,
    activations: Annotated[
        str, typer.Option(help="float32, or int8: rounded, as the setting of that name does.")
    ] = "float32",
    kv_cache: Annotated[
        CachePrecision, typer.Option(help="auto, or int8: as the setting of that name does.")
    ] = "auto",
    tasks: Annotated[
        str | None,
        typer.Option(help="Of lm-evaluation-harness, with commas between; needs lm-eval."),
    ] = None,
    task_data: Annotated[
        Path | None,
        typer.Option(help="A folder of your own tasks: YAML files, and the data that they name."),
    ] = None,
    task_limit: Annotated[
        int | None, typer.Option(min=1, help="Documents of each task; left out: all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure perplexity, KL, top-1 agreement, errors of matrices, skills, speed and memory against
    an original; and how many tasks are solved, with an original by that, too.

    Nothing is stored: a card is made together with its model, by quantize. Nothing is fetched:
    tasks need their data on this machine.
    """
    if original is None and tasks is None:
        raise ModelError("there is nothing to measure by. Give --original, --tasks or both.")
    if tasks is None and (task_data is not None or task_limit is not None):
        raise ModelError("--task-data and --task-limit are for --tasks, which is not given.")
    folder = resolve_model(model).folder
    before = None if original is None else resolve_model(original).folder
    chosen = None
    if tasks is not None:
        names = [name.strip() for name in tasks.split(",") if name.strip()]
        data = None if task_data is None else task_data.expanduser().resolve()
        chosen = Tasks(names, data, task_limit)
    result: dict[str, Any] = {}
    if before is not None:
        evaluation = Evaluation(
            text=None if text is None else str(text.expanduser().resolve()),
            max_tokens=max_tokens,
            skills_per_kind=skills,
        )
        with Original.measured(before, evaluation) as measured:
            comparison = compare(folder, measured, evaluation, activations, kv_cache)
            figures = figures_of(folder, measured, comparison)
        result |= figures.model_dump(mode="json")
        if not as_json:
            console.print(figures_table(figures))
    if chosen is not None:
        result["tasks"] = chosen.scores(folder, activations)
        result["original_tasks"] = None if before is None else chosen.scores(before)
        if not as_json:
            console.print(tasks_table(result["tasks"], result["original_tasks"]))
    if as_json:
        print_json(result)
