"""`python -m models card`: what a model was made of, and what was measured."""

from pathlib import Path
from typing import Annotated

import typer

from models.errors import CardError
from models.store import resolve_model
from models.workshop.application import app
from models.workshop.card import Card, read_card
from models.workshop.card_view import show_card
from models.workshop.output import AsJson, console, print_json
from models.workshop.plot import plot_card


@app.command()
def card(
    model: Annotated[str, typer.Argument(help="A tag, or a folder.")],
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw matrix errors and the search into this PNG, SVG or PDF."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a model's card."""
    found = card_of(model)
    if plot is not None:
        plot_card(found, plot)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        show_card(found, console)


def card_of(model: str) -> Card:
    """Raises CardError for a model without."""
    folder = resolve_model(model).folder
    found = read_card(folder)
    if found is None:
        raise CardError(
            f"{model} has no card. `python -m models quantize` and `get` give one to what they "
            "store."
        )
    return found
