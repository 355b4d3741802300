"""Finds the cheapest mix of four, eight and more bits per matrix that passes a recipe's gates.

First every matrix is quantised to four bits alone, to see what that costs. Then, from four bits
everywhere, matrices gain bits in the order of what each saved byte costs, until the gates pass: the
fewest such steps are found by bisection. Last, greedily, those that gained bits give them back one
by one, the least sensitive first, where the gates still pass without. Matrices that run as one
(query, key and value; gate and up) stay together.
"""

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from models.architectures.causal_lm import CausalLM
from models.architectures.checkpoint import Checkpoint
from models.architectures.linear_shapes import HEAD, fused_modules, linear_shapes
from models.architectures.loading import load_causal_lm, read_spec
from models.errors import GateError, RecipeError
from models.workshop.evaluate import Original, ask_skills
from models.workshop.figures import Closeness, SearchPoint
from models.workshop.gates import check_gates
from models.workshop.progress import console, track
from models.workshop.quantize import quantize
from models.workshop.recipe import Recipe, Scheme
from models.workshop.shard_writer import TensorSpec
from models.workshop.stored_form import StoredForm

_MAX_RETURNS = 16
"""Units asked to give bits back."""

Unit = tuple[str, ...]
"""Modules that run as one matrix."""
Mix = Mapping[str, Scheme]
"""Module -> scheme, of every matrix of the layers."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    recipe: Recipe
    """The one searched for, with a line for every matrix that differs from the rest."""
    points: tuple[SearchPoint, ...]
    """Every mix that was measured."""


def search(original: Original, recipe: Recipe) -> SearchResult:
    """`recipe` says what the head is stored in, how large groups are, what to measure and the
    gates. Raises RecipeError for one without gates, GateError if no mix passes them."""
    if recipe.gates == type(recipe.gates)():
        raise RecipeError(
            f"recipe {recipe.name} has no gates, so there is nothing for --search to pass. Give "
            "limits under [gates]."
        )
    with tempfile.TemporaryDirectory(prefix="kamado-search-") as folder:
        mixes = _Mixes(original, recipe, Path(folder))
        mix = _returned(mixes, _promoted(mixes))
    changes = {module: scheme for module, scheme in mix.items() if scheme is not Scheme.QINT4}
    found = recipe.model_copy(update={"weights": Scheme.QINT4, "modules": changes})
    return SearchResult(found, tuple(mixes.points))


def _promoted(mixes: "_Mixes") -> dict[str, Scheme]:
    """The mix after the fewest steps that pass."""
    lowest = _all_in(Scheme.QINT4, mixes.units)
    if mixes.passes(lowest):
        return lowest
    below = lowest
    for scheme in (Scheme.QINT8, Scheme.NONE):
        order = mixes.by_sensitivity()
        highest = _all_in(scheme, mixes.units)
        if not mixes.passes(highest):
            below = highest
            continue
        fewest, most = 0, len(order)  # steps that fail, steps that pass
        while most - fewest > 1:
            middle = (fewest + most) // 2
            if mixes.passes(below | _all_in(scheme, order[:middle])):
                most = middle
            else:
                fewest = middle
        return below | _all_in(scheme, order[:most])
    raise GateError(
        f"recipe {mixes.recipe.name}: not even unquantised layers pass its gates with the head in "
        f"{mixes.recipe.head}. Loosen the gates, or give the head more bits."
    )


def _returned(mixes: "_Mixes", mix: dict[str, Scheme]) -> dict[str, Scheme]:
    """The mix without the bits that turn out not to be needed."""
    raised = [unit for unit in mixes.by_sensitivity() if mix[unit[0]] is not Scheme.QINT4]
    # The last that was raised is needed: the mix without it has failed.
    for unit in track(list(reversed(raised[:-1]))[:_MAX_RETURNS], "giving bits back ..."):
        less = mix | _all_in(Scheme.QINT4, [unit])
        if mixes.passes(less):
            mix = less
    return mix


def _all_in(scheme: Scheme, units: Sequence[Unit]) -> dict[str, Scheme]:
    return dict.fromkeys(chain.from_iterable(units), scheme)


@dataclass(slots=True)
class _Mixes:
    """Tries mixes without writing them: their matrices lie in one folder per scheme."""

    original: Original
    recipe: Recipe
    folder: Path
    units: list[Unit] = field(init=False)
    points: list[SearchPoint] = field(default_factory=list)
    _shapes: dict[str, tuple[int, int]] = field(init=False)
    _base: Checkpoint = field(init=False)
    _stored: dict[Scheme, Checkpoint] = field(default_factory=dict)
    _order: list[Unit] = field(default_factory=list)

    def __post_init__(self) -> None:
        spec = read_spec(self.original.folder)
        self._shapes, self.units = linear_shapes(spec), fused_modules(spec)
        self._base = Checkpoint(self.original.folder)
        for scheme in (Scheme.QINT4, Scheme.QINT8):
            target = self.folder / scheme
            target.mkdir()
            quantize(self.original.folder, self._uniform(scheme), target)
            self._stored[scheme] = Checkpoint(target)

    def passes(self, mix: Mix) -> bool:
        """Measure it, add it to `points`."""
        num_bytes = self._num_bytes(mix)
        name = f"{sum(scheme is Scheme.QINT4 for scheme in mix.values())} of {len(mix)} in qint4"
        model = self._load(mix)
        closeness = self.original.reference.closeness(model, f"{name} ...")
        passed = self._is_good(model, closeness)
        self.points.append(
            SearchPoint(
                name=name, weights_bytes=num_bytes, mean_kl=closeness.mean_kl, passed=passed
            )
        )
        verdict = "passes" if passed else "fails"
        console.print(
            f"{name}: {num_bytes / 1e6:.2f} MB, mean KL {closeness.mean_kl:.5f}, {verdict}",
            highlight=False,
        )
        return passed

    def by_sensitivity(self) -> list[Unit]:
        """First those whose four bits cost most for each byte that they save."""
        if not self._order:
            costs: dict[Unit, float] = {}
            for unit in track(self.units, "quantising one at a time ..."):
                mixed = self._base.with_modules_of(dict.fromkeys(unit, self._stored[Scheme.QINT4]))
                model = load_causal_lm(self.original.folder, quantization=None, checkpoint=mixed)
                kl = self.original.reference.closeness(model, unit[0]).mean_kl
                costs[unit] = kl / sum(math.prod(self._shapes[module]) for module in unit)
            self._order = sorted(costs, key=lambda unit: -costs[unit])
        return self._order

    def _load(self, mix: Mix) -> CausalLM:
        choices = {
            module: self._stored[scheme]
            for module, scheme in mix.items()
            if scheme is not Scheme.NONE
        }
        if self.recipe.head is not Scheme.NONE:  # both folders have the head as the recipe says
            choices[HEAD] = self._stored[Scheme.QINT8]
        mixed = self._base.with_modules_of(choices)
        return load_causal_lm(self.original.folder, quantization=None, checkpoint=mixed)

    def _is_good(self, model: CausalLM, closeness: Closeness) -> bool:
        """Skills take longest and are asked only where all else passes."""
        gates, skills = self.recipe.gates, None
        without = gates.model_copy(update={"min_skills": None})
        if not all(gate.passed for gate in check_gates(without, closeness, None)):
            return False
        if gates.min_skills is None:
            return True
        skills = ask_skills(model, self.original, self.recipe.evaluate)
        return all(gate.passed for gate in check_gates(gates, closeness, skills))

    def _uniform(self, scheme: Scheme) -> Recipe:
        return self.recipe.model_copy(update={"weights": scheme, "modules": {}})

    def _num_bytes(self, mix: Mix) -> int:
        """Of all tensors, stored so."""
        total = self._base.num_bytes
        for module, scheme in {**mix, HEAD: self.recipe.head}.items():
            if scheme is Scheme.NONE:
                continue
            shape = self._shapes[module]
            form = StoredForm.of(self._uniform(scheme), module, shape)
            if module == HEAD:
                form = StoredForm(self.recipe.head, form.group_size)
            total += sum(spec.num_bytes for spec in form.specs(module, shape).values())
            name = f"{module}.weight"
            if name in self._base:  # a tied head has none
                total -= TensorSpec(self._base.dtype(name), shape).num_bytes
        return total


def frontier(points: tuple[SearchPoint, ...]) -> list[SearchPoint]:
    """Those that no other beats in both size and loss, by size."""
    best: list[SearchPoint] = []
    for point in sorted(points, key=lambda point: (point.weights_bytes, point.mean_kl)):
        if not best or point.mean_kl < best[-1].mean_kl:
            best.append(point)
    return best
