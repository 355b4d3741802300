"""Progress bars on the error stream, so that a command's output stays its result."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import track as rich_track

console = Console(stderr=True)
T = TypeVar("T")


def track(
    items: Sequence[T] | Iterable[T], description: str, total: int | None = None
) -> Iterator[T]:
    """`items`, with a bar that goes away at the end; no bar where nobody watches."""
    yield from rich_track(
        items,
        description,
        total=total,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
