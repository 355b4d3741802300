"""The card at work when a model is loaded: digests while reading, and the probe after."""

import hashlib
from pathlib import Path

from models.architectures.causal_lm import CausalLM
from models.architectures.checkpoint import Checkpoint
from models.architectures.early_digests import EarlyDigests
from models.errors import CardError
from models.workshop.card import Card
from models.workshop.probe import PROBE_FILE, check_probe


def verify_answers(model: CausalLM, folder: Path, card: Card, *, is_exact: bool) -> None:
    """See `check_probe`; a model that could not be run when its card was made has no probe."""
    if PROBE_FILE in card.files:
        check_probe(model, folder, is_exact=is_exact)


def verified_checkpoint(folder: Path, card: Card, early: EarlyDigests | None = None) -> Checkpoint:
    """The folder's weights, each verified as it is read, by what `early` has computed of it; all
    files beside them are verified now. Raises CardError for a file that is not the one of the card,
    as reading a tensor then does."""
    for name, digest in card.files.items():
        if name.endswith(".safetensors") and name != PROBE_FILE:
            continue
        try:
            found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except FileNotFoundError:
            raise CardError(
                f"{name} is missing; the card names it. Fetch or make the model again."
            ) from None
        if found != digest:
            raise CardError(
                f"{name} is not the file that card.json describes: its digest differs. "
                "Fetch or make the model again, or serve with digests=false."
            )
    return Checkpoint(folder, card.tensors, early)
