"""A card's plot: the error of every matrix, and size against loss where a search has tried
several mixes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import ModelError
from models.workshop.card import Card
from models.workshop.search import frontier

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_card(card: Card, path: Path) -> None:
    """PNG, SVG or PDF, by the name of the file. Raises ModelError without matplotlib, or for a card
    with nothing to draw."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ModelError(
            "a plot needs matplotlib, which the service does without: pip install matplotlib."
        ) from None
    if card.figures is None:
        raise ModelError(f"{card.name} was not measured: its card has nothing to draw.")
    panels = 2 if card.search else 1
    figure = Figure(figsize=(6 * panels, 4.5), layout="constrained")
    axes: Any = figure.subplots(1, panels, squeeze=False)[0]
    _draw_errors(axes[0], card.figures.module_errors)
    if card.search:
        _draw_search(axes[1], card)
    figure.suptitle(card.name)
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise ModelError(f"the plot cannot be written to {path}: {error}") from error


def _draw_errors(axes: "Axes", errors: dict[str, float]) -> None:
    """By depth, a colour for each kind of matrix."""
    kinds: dict[str, list[tuple[int, float]]] = {}
    for module, error in errors.items():
        parts = module.split(".")
        depth = int(parts[2]) if len(parts) > 2 and parts[2].isdigit() else -1
        kinds.setdefault(parts[-1], []).append((depth, error))
    for kind, values in kinds.items():
        depths = [depth for depth, _ in values]
        axes.plot(depths, [error for _, error in values], "o", markersize=4, label=kind)
    axes.set(xlabel="layer; -1 is the head", ylabel="|W - W'| / |W|", title="error of matrices")
    axes.legend(fontsize="small")


def _draw_search(axes: "Axes", card: Card) -> None:
    for passed, marker, label in ((True, "o", "passes"), (False, "x", "fails")):
        points = [point for point in card.search if point.passed is passed]
        axes.scatter(
            [point.weights_bytes / 1e6 for point in points],
            [point.mean_kl for point in points],
            marker=marker,
            label=label,
        )
    best = frontier(card.search)
    sizes = [point.weights_bytes / 1e6 for point in best]
    axes.plot(sizes, [point.mean_kl for point in best], linewidth=1, label="frontier")
    assert card.figures is not None
    axes.scatter(
        [card.figures.weights_bytes / 1e6],
        [card.figures.closeness.mean_kl],
        marker="*",
        s=160,
        label="this model",
    )
    axes.set(xlabel="weights, MB", ylabel="mean KL, nats", yscale="log", title="mixes of bits")
    axes.legend(fontsize="small")
