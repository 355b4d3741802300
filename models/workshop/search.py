"""Finds the cheapest mix of four, eight and more bits per matrix that passes a recipe's gates.

First every matrix is quantised to four bits alone, to see what that costs. Then, from four bits
everywhere, matrices gain bits in the order of what each saved byte costs, until the gates pass: the
fewest such steps are found by bisection. Last, greedily, those that gained bits give them back one
by one, the least sensitive first, where the gates still pass without. Matrices that run as one
(query, key and value; gate and up) stay together.
"""

from dataclasses import dataclass
from pathlib import Path

from models.errors import GateError, RecipeError
from models.workshop.evaluate import Original
from models.workshop.figures import SearchPoint
from models.workshop.mixes import Mixes, all_in
from models.workshop.progress import track
from models.workshop.recipe import Recipe, Scheme

_MAX_RETURNS = 16
"""Units asked to give bits back."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    recipe: Recipe
    """The one searched for, with a line for every matrix that differs from the rest."""
    points: tuple[SearchPoint, ...]
    """Every mix that was measured."""


def search(original: Original, recipe: Recipe, folder: Path) -> SearchResult:
    """`recipe` says what the head is stored in, how large groups are, what to measure and the
    gates. What is measured is kept in `folder`, where the same search, begun again, finds it; no
    other may. Raises RecipeError for a recipe without gates, GateError if no mix passes them."""
    if recipe.gates == type(recipe.gates)():
        raise RecipeError(
            f"recipe {recipe.name} has no gates, so there is nothing for --search to pass. Give "
            "limits under [gates]."
        )
    mixes = Mixes(original, recipe, folder)
    mix = _returned(mixes, _promoted(mixes))
    changes = {module: scheme for module, scheme in mix.items() if scheme is not Scheme.QINT4}
    found = recipe.model_copy(update={"weights": Scheme.QINT4, "modules": changes})
    return SearchResult(found, tuple(mixes.points))


def _promoted(mixes: Mixes) -> dict[str, Scheme]:
    """The mix after the fewest steps that pass."""
    lowest = all_in(Scheme.QINT4, mixes.units)
    if mixes.passes(lowest):
        return lowest
    below = lowest
    for scheme in (Scheme.QINT8, Scheme.NONE):
        order = mixes.by_sensitivity()
        highest = all_in(scheme, mixes.units)
        if not mixes.passes(highest):
            below = highest
            continue
        fewest, most = 0, len(order)  # steps that fail, steps that pass
        while most - fewest > 1:
            middle = (fewest + most) // 2
            if mixes.passes(below | all_in(scheme, order[:middle])):
                most = middle
            else:
                fewest = middle
        return below | all_in(scheme, order[:most])
    raise GateError(
        f"recipe {mixes.recipe.name}: not even unquantised layers pass its gates with the head in "
        f"{mixes.recipe.head}. Loosen the gates, or give the head more bits."
    )


def _returned(mixes: Mixes, mix: dict[str, Scheme]) -> dict[str, Scheme]:
    """The mix without the bits that turn out not to be needed."""
    raised = [unit for unit in mixes.by_sensitivity() if mix[unit[0]] is not Scheme.QINT4]
    # The last that was raised is needed: the mix without it has failed.
    for unit in track(list(reversed(raised[:-1]))[:_MAX_RETURNS], "giving bits back ..."):
        less = mix | all_in(Scheme.QINT4, [unit])
        if mixes.passes(less):
            mix = less
    return mix


def frontier(points: tuple[SearchPoint, ...]) -> list[SearchPoint]:
    """Those that no other beats in both size and loss, by size."""
    best: list[SearchPoint] = []
    for point in sorted(points, key=lambda point: (point.weights_bytes, point.mean_kl)):
        if not best or point.mean_kl < best[-1].mean_kl:
            best.append(point)
    return best
