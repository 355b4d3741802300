"""From an original and a recipe to a model with a card: quantise, measure, judge, describe.

Whoever calls it owns the folder; see `working_folder.py`.
"""

from collections import Counter
from pathlib import Path

from models.architectures.checkpoint import Checkpoint
from models.architectures.loading import load_causal_lm
from models.errors import GateError
from models.store import ModelSource
from models.workshop.card import Card, Origin, file_digests, now, versions
from models.workshop.evaluate import Original, compare, figures_of
from models.workshop.figures import Figures, SearchPoint
from models.workshop.gates import GateResult, check_gates
from models.workshop.probe import write_probe
from models.workshop.quantize import MAX_SHARD_BYTES, quantize
from models.workshop.recipe import Recipe
from models.workshop.suspects import worst_modules


def make(
    source: ModelSource,
    recipe: Recipe,
    folder: Path,
    *,
    name: str,
    original: Original | None = None,
    points: tuple[SearchPoint, ...] = (),
    max_shard_bytes: int = MAX_SHARD_BYTES,
) -> Card:
    """Fill the existing `folder` and return the card that was written there. Without `original`
    nothing is measured; `points` are what a search has tried. Raises GateError, naming the modules
    that cost most, and other ModelErrors."""
    stored = quantize(source.folder, recipe, folder, max_shard_bytes=max_shard_bytes)
    figures: Figures | None = None
    gates: list[GateResult] = []
    if original is not None:
        comparison = compare(folder, original, recipe.evaluate)
        gates = check_gates(recipe.gates, comparison.closeness, comparison.skills)
        _refuse_failed(recipe, folder, original, gates)
        figures = figures_of(folder, original, comparison)
    write_probe(load_causal_lm(folder, quantization=None), folder)
    card = Card(
        name=name,
        created=now(),
        origin=Origin(name=source.name, revision=source.revision),
        recipe=recipe,
        schemes=dict(Counter(str(form.scheme) for form in stored.forms.values())),
        quantizing_bytes=stored.peak_bytes,
        num_weights=Checkpoint(source.folder).num_elements,
        figures=figures,
        gates=tuple(gates),
        search=points,
        versions=versions(),
        files=file_digests(folder),
        tensors=stored.digests,
    )
    card.write(folder)
    return card


def _refuse_failed(
    recipe: Recipe, folder: Path, original: Original, gates: list[GateResult]
) -> None:
    """Raises GateError if any has failed."""
    failed = [gate for gate in gates if not gate.passed]
    if not failed:
        return
    worst = worst_modules(original.folder, folder, original.reference)
    raise GateError(
        f"recipe {recipe.name}: {'; '.join(map(str, failed))}. Nothing was stored. These matrices "
        "alone raise the mean KL most: "
        + ", ".join(f"{module} to {kl:.2g}" for module, kl in worst)
        + ". Give them more bits under [modules], or let --search choose."
    )
