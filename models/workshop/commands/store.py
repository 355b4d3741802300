"""`python -m models list | show | remove | export`: what the BentoML store holds."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from models.store import resolve_model
from models.workshop import publishing
from models.workshop.application import app
from models.workshop.card import read_card
from models.workshop.output import AsJson, console, print_json

Tag = Annotated[str, typer.Argument(help="name:version, or a name for its latest version.")]


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the models of the BentoML store."""
    rows = publishing.stored_models()
    if as_json:
        print_json(rows)
        return
    table = Table("tag", "MB", "made of", "mean KL", "same token")
    for row in rows:
        card = row["card"] or {}
        kl, top1 = card.get("mean_kl"), card.get("top1")
        table.add_row(
            row["tag"],
            f"{row['bytes'] / 1e6:.1f}",
            " ".join(filter(None, (card.get("origin"), card.get("recipe")))),
            "" if kl is None else f"{kl:.5f}",
            "" if top1 is None else f"{top1:.2%}",
        )
    console.print(table)


@app.command()
def show(
    model: Annotated[str, typer.Argument(help="A tag, a folder, a bundled model.")],
    as_json: AsJson = False,
) -> None:
    """Show where a model lies and which files it has."""
    source = resolve_model(model)
    files = {
        path.name: path.stat().st_size for path in sorted(source.folder.iterdir()) if path.is_file()
    }
    found = read_card(source.folder)
    if as_json:
        print_json(
            {
                "name": source.name,
                "folder": str(source.folder),
                "files": files,
                "card": None if found is None else found.summary(),
            }
        )
        return
    console.print(f"{source.name} in {source.folder}", highlight=False, soft_wrap=True)
    for name, size in files.items():
        console.print(f"{size:>14,}  {name}", highlight=False)
    if found is None:
        console.print("It has no card.")
    else:
        console.print(f"`python -m models card {model}` shows its card.", highlight=False)


@app.command()
def remove(tag: Tag, as_json: AsJson = False) -> None:
    """Remove a model from the BentoML store."""
    publishing.remove(tag)
    if as_json:
        print_json({"removed": tag})
    else:
        console.print(f"{tag} is removed.", highlight=False)


@app.command()
def export(
    model: Annotated[str, typer.Argument(help="A tag, a folder, a bundled model.")],
    folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")],
    as_json: AsJson = False,
) -> None:
    """Copy a model and its card to a folder, which serves as well as the tag."""
    target = folder.expanduser().resolve()
    publishing.export(resolve_model(model).folder, target)
    if as_json:
        print_json({"model": model, "folder": str(target)})
    else:
        console.print(f"{model} -> {target}", highlight=False, soft_wrap=True)
