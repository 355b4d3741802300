"""`python -m models quantize`: a model into fewer bits, measured and judged."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from models.errors import ModelError
from models.store import ModelSource, resolve_model
from models.workshop.application import app
from models.workshop.card import Card, versions
from models.workshop.card_view import show_card
from models.workshop.evaluate import Original
from models.workshop.figures import SearchPoint
from models.workshop.make import make
from models.workshop.output import AsJson, console, print_json
from models.workshop.publishing import for_the_store
from models.workshop.quantize import MAX_SHARD_BYTES
from models.workshop.recipe import Recipe, load_recipe
from models.workshop.search import search as search_mix
from models.workshop.sources.opening import quantization_config
from models.workshop.working_folder import fingerprint, notes_folder, working_folder


@app.command()
def quantize(
    model: Annotated[str, typer.Argument(help="Bundled model, folder, tag or Hub repository.")],
    recipe: Annotated[str, typer.Option(help="A bundled recipe, or a TOML file.")],
    tag: Annotated[
        str | None, typer.Option(help="Of the BentoML store, name:version; left out: RECIPE:1.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="A new folder to put the model in, instead of the store.")
    ] = None,
    compare: Annotated[
        bool, typer.Option(help="Measure it against the original; gates need it.")
    ] = True,
    original: Annotated[
        str | None, typer.Option(help="What to compare with, if not the model itself.")
    ] = None,
    search: Annotated[
        bool,
        typer.Option(help="Find the cheapest mix of bits that passes the recipe's gates."),
    ] = False,
    shard_mb: Annotated[int, typer.Option(min=1, help="Greatest size of a file of weights.")] = (
        MAX_SHARD_BYTES // 2**20
    ),
    as_json: AsJson = False,
) -> None:
    """Store a model in a recipe's schemes; keep it only if it passes the recipe's gates."""
    if tag is not None and to is not None:
        raise ModelError("both --tag and --to are given. The model goes to one of them.")
    chosen = load_recipe(recipe)
    if search and not compare:
        raise ModelError("--search measures, and --no-compare forbids it. Leave one of them out.")
    if not compare and chosen.gates != type(chosen.gates)():
        raise ModelError(
            f"recipe {chosen.name} has gates, and --no-compare measures nothing to hold against "
            "them. Leave one of the two out."
        )
    source = resolve_model(model)
    before = None if original is None else resolve_model(original).folder
    if compare and before is None and quantization_config(source.folder) is not None:
        raise ModelError(
            f"{model} was quantised by another tool, so there is nothing to compare with. Name the "
            "unquantised model with --original, or give --no-compare."
        )
    workbench = _Workbench(before, compare, search, shard_mb)
    if to is not None:
        target = to.expanduser().resolve()
        card = workbench.make(source, chosen, target, target.name)
    else:
        tag = tag or f"{chosen.name}:1"
        with for_the_store(tag) as target:
            card = workbench.make(source, chosen, target, tag)
    place = str(target) if to is not None else tag
    if as_json:
        print_json({"model": place, **card.model_dump(mode="json", exclude={"tensors"})})
        return
    show_card(card, console)
    console.print(f"Serve it: bentoml serve --arg model={place}", highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class _Workbench:
    original: Path | None
    """What to compare with; None: what is quantised."""
    compares: bool
    searches: bool
    shard_mb: int

    def make(self, source: ModelSource, recipe: Recipe, target: Path, name: str) -> Card:
        points: tuple[SearchPoint, ...] = ()
        with ExitStack() as stack:
            original = None
            if self.compares or self.searches:
                before = self.original or source.folder
                original = stack.enter_context(Original.measured(before, recipe.evaluate))
            if self.searches:
                assert original is not None
                task = {
                    "original": fingerprint(original.folder),
                    "recipe": recipe.model_dump(mode="json"),
                    "versions": versions(),
                }
                notes = stack.enter_context(notes_folder(target, task))
                found = search_mix(original, recipe, notes)
                recipe, points = found.recipe, found.points
            plan = {
                "source": fingerprint(source.folder),
                "recipe": recipe.model_dump(mode="json"),
                "shard_mb": self.shard_mb,
            }
            folder = stack.enter_context(working_folder(target, plan))
            return make(
                source,
                recipe,
                folder,
                name=name,
                original=original,
                points=points,
                max_shard_bytes=self.shard_mb * 2**20,
            )
