"""Tries mixes of bits without writing them: their matrices lie in one folder per scheme."""

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

from models.architectures.causal_lm import CausalLM
from models.architectures.checkpoint import Checkpoint
from models.architectures.linear_shapes import HEAD, fused_modules, linear_shapes
from models.architectures.loading import load_causal_lm, read_spec
from models.workshop.evaluate import Original, ask_skills
from models.workshop.figures import Closeness, SearchPoint
from models.workshop.gates import check_gates
from models.workshop.progress import console, track
from models.workshop.quantize import quantize
from models.workshop.recipe import Recipe, Scheme
from models.workshop.search_journal import SearchJournal
from models.workshop.shard_writer import TensorSpec
from models.workshop.stored_form import StoredForm
from models.workshop.working_folder import working_folder

Unit = tuple[str, ...]
"""Modules that run as one matrix."""
Mix = Mapping[str, Scheme]
"""Module -> scheme, of every matrix of the layers."""


def all_in(scheme: Scheme, units: Sequence[Unit]) -> dict[str, Scheme]:
    return dict.fromkeys(chain.from_iterable(units), scheme)


class Mixes:
    """What was measured is kept in the folder, where the same search finds it again."""

    def __init__(self, original: Original, recipe: Recipe, folder: Path) -> None:
        spec = read_spec(original.folder)
        self.recipe = recipe
        self.units: list[Unit] = fused_modules(spec)
        self.points: list[SearchPoint] = []
        self._original = original
        self._shapes = linear_shapes(spec)
        self._base = Checkpoint(original.folder)
        self._journal = SearchJournal(folder)
        self._order: list[Unit] = []
        self._stored = {
            scheme: self._stored_in(scheme, folder) for scheme in (Scheme.QINT4, Scheme.QINT8)
        }

    def passes(self, mix: Mix) -> bool:
        """Measure it, unless that was done before; add it to `points`."""
        key = " ".join(mix[unit[0]] for unit in self.units)
        known = self._journal.get(key)
        point = self._measured(mix) if known is None else SearchPoint.model_validate(known)
        if known is None:
            self._journal.add(key, point.model_dump(mode="json"))
        self.points.append(point)
        verdict = "passes" if point.passed else "fails"
        console.print(
            f"{point.name}: {point.weights_bytes / 1e6:.2f} MB, mean KL {point.mean_kl:.5f}, "
            f"{verdict}" + ("" if known is None else ", as measured before"),
            highlight=False,
        )
        return point.passed

    def by_sensitivity(self) -> list[Unit]:
        """First those whose four bits cost most for each byte that they save."""
        if not self._order:
            costs: dict[Unit, float] = {}
            for unit in track(self.units, "quantising one at a time ..."):
                numbers = sum(math.prod(self._shapes[module]) for module in unit)
                costs[unit] = self._kl_of(unit) / numbers
            self._order = sorted(costs, key=lambda unit: -costs[unit])
        return self._order

    def _measured(self, mix: Mix) -> SearchPoint:
        name = f"{sum(scheme is Scheme.QINT4 for scheme in mix.values())} of {len(mix)} in qint4"
        model = self._load(mix)
        closeness = self._original.reference.closeness(model, f"{name} ...")
        return SearchPoint(
            name=name,
            weights_bytes=self._num_bytes(mix),
            mean_kl=closeness.mean_kl,
            passed=self._is_good(model, closeness),
        )

    def _kl_of(self, unit: Unit) -> float:
        """With this unit alone in four bits."""
        known = self._journal.get(unit[0])
        if known is None:
            mixed = self._base.with_modules_of(dict.fromkeys(unit, self._stored[Scheme.QINT4]))
            model = load_causal_lm(self._original.folder, quantization=None, checkpoint=mixed)
            known = {"mean_kl": self._original.reference.closeness(model, unit[0]).mean_kl}
            self._journal.add(unit[0], known)
        return float(known["mean_kl"])

    def _load(self, mix: Mix) -> CausalLM:
        choices = {
            module: self._stored[scheme]
            for module, scheme in mix.items()
            if scheme is not Scheme.NONE
        }
        if self.recipe.head is not Scheme.NONE:  # both folders have the head as the recipe says
            choices[HEAD] = self._stored[Scheme.QINT8]
        mixed = self._base.with_modules_of(choices)
        return load_causal_lm(self._original.folder, quantization=None, checkpoint=mixed)

    def _is_good(self, model: CausalLM, closeness: Closeness) -> bool:
        """Skills take longest and are asked only where all else passes."""
        gates, skills = self.recipe.gates, None
        without = gates.model_copy(update={"min_skills": None})
        if not all(gate.passed for gate in check_gates(without, closeness, None)):
            return False
        if gates.min_skills is None:
            return True
        skills = ask_skills(model, self._original, self.recipe.evaluate)
        return all(gate.passed for gate in check_gates(gates, closeness, skills))

    def _stored_in(self, scheme: Scheme, folder: Path) -> Checkpoint:
        """All matrices in one scheme; those of an earlier attempt are taken as they are."""
        target = folder / scheme
        if not target.is_dir():
            with working_folder(target, {}) as making:
                quantize(self._original.folder, self._uniform(scheme), making)
        return Checkpoint(target)

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
