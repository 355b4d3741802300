"""`python -m models evaluate`: a model against its original, or against itself."""

from pathlib import Path
from typing import Annotated

import typer

from models.store import resolve_model
from models.workshop.application import app
from models.workshop.card_view import figures_table
from models.workshop.evaluate import Original, compare, figures_of
from models.workshop.output import AsJson, console, print_json
from models.workshop.recipe import Evaluation


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="Tag, folder, bundled model.")],
    original: Annotated[str, typer.Option(help="The unquantised model to compare with.")],
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
    as_json: AsJson = False,
) -> None:
    """Measure perplexity, KL, top-1 agreement, errors of matrices, skills, speed and memory.

    Nothing is stored: a card is made together with its model, by quantize.
    """
    evaluation = Evaluation(
        text=None if text is None else str(text.expanduser().resolve()),
        max_tokens=max_tokens,
        skills_per_kind=skills,
    )
    folder = resolve_model(model).folder
    with Original.measured(resolve_model(original).folder, evaluation) as before:
        figures = figures_of(folder, before, compare(folder, before, evaluation, activations))
    if as_json:
        print_json(figures.model_dump(mode="json"))
    else:
        console.print(figures_table(figures))
