"""Finished models into the BentoML store, and out of it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bentoml
from bentoml.exceptions import BentoMLException, NotFound

from models.errors import ModelError, ModelNotFoundError
from models.workshop.card import read_card

CACHE = Path.home() / ".cache" / "kamado" / "workshop"
"""Where models for the store are put together."""
LABEL = {"project": "kamado"}


def check_tag(tag: str) -> None:
    """Raises ModelError for a tag that cannot be, or is taken."""
    try:
        parsed = bentoml.Tag.from_str(tag)
    except (BentoMLException, ValueError) as error:
        raise ModelError(f"{tag!r} is no tag of the BentoML store: {error}") from error
    if parsed.version is None:
        raise ModelError(f"the tag {tag!r} has no version. Give name:version, such as {tag}:1.")
    try:
        bentoml.models.get(parsed)
    except NotFound:
        return
    raise ModelError(f"{tag} is in the store already. Give another version, or remove it first.")


def publish(folder: Path, tag: str) -> None:
    """Link the folder's files into the store under `tag`; it appears there complete or not at
    all."""
    check_tag(tag)
    with bentoml.models.create(tag, labels=LABEL) as stored:
        for path in folder.iterdir():
            link_or_copy(path, Path(stored.path) / path.name)


@contextmanager
def for_the_store(tag: str) -> Iterator[Path]:
    """Yields the name of a folder to make, which goes into the store under `tag`. Raises ModelError
    at once for a tag that cannot be used."""
    check_tag(tag)
    target = CACHE / tag.replace(":", "-")
    shutil.rmtree(target, ignore_errors=True)  # of a run that was stopped while it published
    yield target
    publish(target, tag)
    shutil.rmtree(target)


def stored_models() -> list[dict[str, Any]]:
    """Tag, size and card summary of every model in the store."""
    rows = []
    for model in bentoml.models.list():
        folder = Path(model.path)
        card = read_card(folder)
        num_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        rows.append(
            {
                "tag": str(model.tag),
                "bytes": num_bytes,
                "card": None if card is None else card.summary(),
            }
        )
    return sorted(rows, key=lambda row: str(row["tag"]))


def remove(tag: str) -> None:
    """Raises ModelNotFoundError."""
    try:
        bentoml.models.delete(tag)
    except (BentoMLException, ValueError) as error:
        raise ModelNotFoundError(f"{tag} is not in the BentoML store: {error}") from error


def export(folder: Path, target: Path) -> None:
    """Copy a model's files to a new folder. Raises ModelError."""
    if target.exists():
        raise ModelError(f"{target} exists already. Give a folder that does not.")
    making = target.with_name(f".{target.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    shutil.copytree(folder, making, ignore=shutil.ignore_patterns("model.yaml"))
    making.rename(target)


def link_or_copy(source: Path, target: Path) -> None:
    """Without a second copy where both lie on one disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
