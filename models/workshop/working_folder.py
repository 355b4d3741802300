"""A folder under construction: resumed by the same work, replaced by any other, and seen under its
final name only when it is complete."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from models.errors import ModelError

PLAN_FILE = ".plan.json"


@contextmanager
def working_folder(target: Path, plan: dict[str, Any]) -> Iterator[Path]:
    """Yields `.NAME.making` beside `target`, which it becomes at the end. An interruption leaves it
    there, and the same `plan` finds it again; a ModelError removes it. Raises ModelError if there
    is something under the name already."""
    if target.exists():
        raise ModelError(f"{target} exists already. Remove it, or give another name.")
    with _resumed(target.with_name(f".{target.name}.making"), plan) as making:
        yield making
        (making / PLAN_FILE).unlink()
        making.rename(target)


@contextmanager
def notes_folder(target: Path, plan: dict[str, Any]) -> Iterator[Path]:
    """Yields `.NAME.notes` beside `target`: what is needed on the way there and removed at the end.
    An interruption leaves it to the same `plan`; a ModelError removes it."""
    with _resumed(target.with_name(f".{target.name}.notes"), plan) as notes:
        yield notes
        shutil.rmtree(notes)


@contextmanager
def _resumed(folder: Path, plan: dict[str, Any]) -> Iterator[Path]:
    """As it was left by the same plan, or else empty."""
    wanted = json.dumps(plan, sort_keys=True, default=str)
    found = folder / PLAN_FILE
    if not found.is_file() or found.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        found.write_text(wanted, encoding="utf-8")
    try:
        yield folder
    except ModelError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def fingerprint(folder: Path) -> list[tuple[str, int, int]]:
    """Name, size and time of every file: whether it is still the same folder."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
