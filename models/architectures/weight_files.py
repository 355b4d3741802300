"""Which files hold a folder's weights, and which is their card. Imports nothing heavy."""

import json
from pathlib import Path

from models.errors import CheckpointError, UnsupportedModelError

SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
CARD_FILE = "card.json"
"""Of a model that the workshop made."""
_PICKLE_SUFFIXES = {".bin", ".pt", ".pth", ".pkl", ".ckpt"}


def weight_files(folder: Path) -> list[str]:
    """Their names. Raises UnsupportedModelError for pickle alone, CheckpointError for none."""
    if (folder / INDEX_FILE).is_file():
        return _indexed_files(folder / INDEX_FILE)
    if (folder / SINGLE_FILE).is_file():
        return [SINGLE_FILE]
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in _PICKLE_SUFFIXES)
    if pickles:
        raise UnsupportedModelError(
            f"{folder} has its weights only as pickle ({pickles[0]}), which can run code when "
            "opened. Convert them to safetensors."
        )
    raise CheckpointError(f"{folder} holds neither {SINGLE_FILE} nor {INDEX_FILE}.")


def _indexed_files(index: Path) -> list[str]:
    try:
        names = sorted(set(json.loads(index.read_bytes())["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{index} is no index of safetensors files: {error!r}.") from error
    for name in names:
        if Path(name).name != name:
            raise CheckpointError(f"{index} points outside its folder: {name!r}.")
    return names
