"""The card at work when a model is loaded: digests while reading, and the probe after."""

import hashlib
from pathlib import Path

from models.architectures.checkpoint import Checkpoint
from models.errors import CardError
from models.workshop.card import Card


def verified_checkpoint(folder: Path, card: Card) -> Checkpoint:
    """The folder's weights, each verified as it is read; all files beside them are verified now.
    Raises CardError for a file that is not the one of the card."""
    for name, digest in card.files.items():
        if name.endswith(".safetensors") and name != "probe.safetensors":
            continue
        try:
            found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except FileNotFoundError:
            raise CardError(
                f"{folder / name} is missing; the card names it. Fetch or make the model again."
            ) from None
        if found != digest:
            raise CardError(
                f"{folder / name} is not the file that card.json describes: its digest differs. "
                "Fetch or make the model again, or serve with digests=false."
            )
    return Checkpoint(folder, card.tensors)
