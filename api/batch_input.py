"""A batch's input file, checked in full before its first line runs. Everything here blocks."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from api.batch_journal import LineFault, LineSpan
from runners.batch_line import BatchLine
from runners.errors import BatchLineError

MAX_FAULTS = 50
"""Told of one file; who has made more has made one mistake in many lines."""


@dataclass(frozen=True, slots=True)
class BatchInput:
    """Where the lines are, and the first one's model. With faults it can not be run."""

    spans: list[LineSpan]
    faults: list[LineFault]
    model: str | None


def check_input(path: Path, endpoint: str, *, max_lines: int, max_line_bytes: int) -> BatchInput:
    """Raises OSError."""
    spans: list[LineSpan] = []
    faults: list[LineFault] = []
    model: str | None = None
    seen: dict[str, int] = {}
    with path.open("rb") as file:
        for number, start, written in _lines(file, max_line_bytes):
            try:
                line = _checked(written, endpoint, max_line_bytes)
                if (first := seen.setdefault(line.custom_id, number)) != number:
                    raise BatchLineError(
                        f"custom_id {line.custom_id!r:.80} is that of line {first} too; each line "
                        "needs one of its own.",
                        "custom_id",
                        "duplicate_custom_id",
                    )
            except BatchLineError as error:
                faults.append(LineFault(error.code, str(error), error.field, number))
                if len(faults) == MAX_FAULTS:
                    break
                continue
            if model is None and isinstance(line.body.get("model"), str):
                model = line.body["model"]
            spans.append(LineSpan(number, line.custom_id, start, len(written)))
            if len(spans) > max_lines:
                fault = f"the file has more than {max_lines} lines, which is the limit. Split it."
                faults.append(LineFault("too_many_lines", fault))
                break
    if not spans and not faults:
        faults.append(LineFault("empty_file", "the file has no lines."))
    return BatchInput(spans, faults, model)


def read_line(path: Path, span: LineSpan) -> BatchLine:
    """Raises OSError."""
    with path.open("rb") as file:
        file.seek(span.start)
        return BatchLine.parse(file.read(span.num_bytes))


def _lines(file: BinaryIO, max_line_bytes: int) -> Iterator[tuple[int, int, bytes]]:
    """(number, where it starts, itself), blank ones left out. One that is too long is cut: it is
    refused for its length."""
    number = start = 0
    while written := file.readline(max_line_bytes + 2):
        number += 1
        kept = written
        while written and not written.endswith(b"\n"):  # the rest of it
            written = file.readline(max_line_bytes)
        if kept.strip():
            yield number, start, kept
        start = file.tell()


def _checked(written: bytes, endpoint: str, max_line_bytes: int) -> BatchLine:
    """Raises BatchLineError."""
    if len(written.rstrip(b"\r\n")) > max_line_bytes:
        raise BatchLineError(
            f"the line is longer than {max_line_bytes} bytes, which is the limit.",
            code="line_too_long",
        )
    line = BatchLine.parse(written)
    if line.url != endpoint:
        raise BatchLineError(
            f"url is {line.url!r}; the batch was made for {endpoint!r}.", "url", "mismatched_url"
        )
    return line
