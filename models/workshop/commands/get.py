"""`python -m models get`: a model into the BentoML store, as it is."""

from typing import Annotated

import typer

from models.workshop.application import app
from models.workshop.getting import fetch, take
from models.workshop.output import AsJson, console, print_json
from models.workshop.publishing import for_the_store
from models.workshop.working_folder import fingerprint, working_folder

_SHORT_REVISION = 12


@app.command()
def get(
    model: Annotated[
        str, typer.Argument(help="Hub repository org/name[@revision], folder, tag, bundled model.")
    ],
    tag: Annotated[
        str | None, typer.Option(help="Of the BentoML store; left out: NAME:REVISION.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a model, check its hashes and store it with a card of its digests.

    The revision is pinned: the tag and the card say which one it is. What the Hub's cache holds
    already is not fetched again, and needs no network.
    """
    source = fetch(model)
    name = source.name.rpartition("/")[2].partition(":")[0].lower()
    tag = tag or f"{name}:{(source.revision or '1')[:_SHORT_REVISION]}"
    with (
        for_the_store(tag) as target,
        working_folder(target, {"source": fingerprint(source.folder)}) as folder,
    ):
        card = take(source, folder, tag)
    if as_json:
        print_json({"model": tag, **card.model_dump(mode="json", exclude={"tensors"})})
        return
    console.print(
        f"{tag}: {len(card.tensors)} tensors, {card.num_weights / 1e6:.1f} M numbers, from "
        f"{card.origin.name} {card.origin.revision or ''}",
        highlight=False,
        soft_wrap=True,
    )
    console.print(f"Serve it: bentoml serve --arg model={tag}", highlight=False)
