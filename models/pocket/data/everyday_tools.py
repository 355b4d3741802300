"""Tools as people really offer them, asked for in words that their names only hint at.

A kind is one entity: it belongs to one split, so the test set's kinds were never trained.
"""

from dataclasses import dataclass
from pathlib import Path

from models.pocket.data.grammar import lines


@dataclass(frozen=True, slots=True)
class EverydayTool:
    """Names and descriptions it may have, its parameters, and requests with {0}, {1} for values.

    A parameter is its possible names, its JSON type and the kind of its values; one that some
    request leaves out is optional.
    """

    names: tuple[str, ...]
    descriptions: tuple[str, ...]
    parameters: tuple[tuple[tuple[str, ...], str, str], ...]
    requests: tuple[str, ...]


def _tools(text: str) -> tuple[EverydayTool, ...]:
    """Blocks of names, descriptions, parameters, then requests up to the next empty line."""
    tools = []
    for block in text.strip().split("\n\n"):
        names, descriptions, parameters, *requests = lines(block)
        fields = (parameter.split() for parameter in parameters.split(","))
        tools.append(
            EverydayTool(
                tuple(names.split()),
                tuple(part.strip() for part in descriptions.split("/")),
                tuple((tuple(name.split("|")), type_, kind) for name, type_, kind in fields),
                tuple(requests),
            )
        )
    return tuple(tools)


EVERYDAY_TOOLS = _tools(Path(__file__).with_suffix(".txt").read_text(encoding="utf-8"))
