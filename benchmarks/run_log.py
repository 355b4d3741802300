"""Every turn of a run as soon as it is over, so that a run that was interrupted goes on."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.load_result import LoadResult
from benchmarks.schedule import Schedule, Turn


class RunLogError(Exception):
    """The run was begun with another schedule; says what differs."""


class RunLog:
    """One JSON object per line: the schedule first, then what happened."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.results: dict[Turn, LoadResult] = {}
        self.discarded: list[LoadResult] = []
        """Disturbed attempts that were repeated."""
        self.ready_s: dict[str, list[float]] = {}
        """Per server, of each of its starts."""

    @classmethod
    def opened(cls, file: Path, schedule: Schedule) -> "RunLog":
        """What the file has is kept. Raises RunLogError."""
        log = cls(file)
        asked = json.loads(json.dumps(schedule.as_json()))
        if not file.is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            log._append({"schedule": asked})
            return log
        first, *lines = file.read_text(encoding="utf-8").splitlines()
        begun: dict[str, Any] = json.loads(first)["schedule"]
        differing = sorted(key for key in asked if asked[key] != begun.get(key))
        if differing:
            values = ", ".join(f"{key}={begun.get(key)}" for key in differing)
            raise RunLogError(
                f"run {file.stem} was begun with {values}. Give the same options to go on with it, "
                "or another --run for a new one."
            )
        for line in lines:
            log._take(json.loads(line))
        return log

    def add(self, turn: Turn, kept: LoadResult, discarded: Sequence[LoadResult]) -> None:
        """What a turn came to, and the attempts at it that do not count."""
        line = {
            "turn": [turn.server, turn.clients, turn.round],
            "kept": kept.as_json(),
            "discarded": [result.as_json() for result in discarded],
        }
        self._take(line)
        self._append(line)

    def add_start(self, server: str, ready_s: float) -> None:
        line = {"started": server, "ready_s": ready_s}
        self._take(line)
        self._append(line)

    def _take(self, line: dict[str, Any]) -> None:
        if "started" in line:
            self.ready_s.setdefault(line["started"], []).append(line["ready_s"])
            return
        self.results[Turn(*line["turn"])] = LoadResult.from_json(line["kept"])
        self.discarded += [LoadResult.from_json(content) for content in line["discarded"]]

    def _append(self, line: dict[str, Any]) -> None:
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
