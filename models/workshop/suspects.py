"""Which matrices of a quantised model cost it most."""

from pathlib import Path

from models.architectures.checkpoint import Checkpoint
from models.architectures.loading import load_causal_lm
from models.workshop.closeness import Reference
from models.workshop.module_errors import module_errors
from models.workshop.progress import track

_MAX_SUSPECTS = 24


def worst_modules(
    original: Path, stored: Path, reference: Reference, count: int = 5
) -> list[tuple[str, float]]:
    """(module, mean KL) of the `count` that raise it most when they alone are quantised. Asks those
    with the largest errors."""
    errors = module_errors(original, stored)
    candidates = sorted(errors, key=lambda module: -errors[module])[:_MAX_SUSPECTS]
    before, after = Checkpoint(original), Checkpoint(stored)
    costs = []
    for module in track(candidates, "looking for the worst ..."):
        mixed = before.with_modules_of({module: after})
        model = load_causal_lm(original, quantization=None, checkpoint=mixed)
        costs.append((module, reference.closeness(model, module).mean_kl))
    return sorted(costs, key=lambda cost: -cost[1])[:count]
