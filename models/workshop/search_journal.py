"""What a search has measured so far, kept as it is measured: the same search, begun again after an
interruption, asks here first."""

import json
from pathlib import Path
from typing import Any

FILE = "measured.json"


class SearchJournal:
    """In `folder`, which belongs to one search alone."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._found: dict[str, dict[str, Any]] = {}
        if self._path.is_file():
            self._found = json.loads(self._path.read_bytes())

    def get(self, name: str) -> dict[str, Any] | None:
        return self._found.get(name)

    def add(self, name: str, measured: dict[str, Any]) -> None:
        """On disk when it returns, whole or not at all."""
        self._found[name] = measured
        unfinished = self._path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(self._found), encoding="utf-8")
        unfinished.replace(self._path)
