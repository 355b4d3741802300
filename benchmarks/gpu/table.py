"""What was measured, each figure beside the device's limit and the target."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    shape: str
    precision: str
    what: str
    measured: float
    unit: str
    limit: float | None = None
    """What the device's bytes and products allow, in the same unit."""
    target: str = ""


def render(rows: Sequence[Row]) -> str:
    """As Markdown."""
    lines = [
        "| shape | precision | | measured | limit | measured / limit | target |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        limit = share = ""
        if row.limit is not None:
            limit, share = f"{_number(row.limit)} {row.unit}", f"{row.measured / row.limit:.0%}"
        measured = f"{_number(row.measured)} {row.unit}"
        cells = (row.shape, row.precision, row.what, measured, limit, share, row.target)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
