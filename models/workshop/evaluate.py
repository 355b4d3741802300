"""Measures a model against its original: all that a card says of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from models.architectures.cache_precision import CachePrecision, rounded_shape
from models.architectures.causal_lm import CausalLM
from models.architectures.checkpoint import Checkpoint
from models.architectures.loading import load_causal_lm
from models.errors import RecipeError
from models.workshop.closeness import Reference
from models.workshop.evaluation_text import EvaluationText, is_pocket, load_text
from models.workshop.figures import Closeness, Figures, Skills
from models.workshop.module_errors import module_errors
from models.workshop.recipe import Evaluation
from models.workshop.resident import resident_bytes
from models.workshop.speed import measure_speed


@dataclass(frozen=True, slots=True)
class Original:
    """What is measured once of the model that others are compared with."""

    folder: Path
    reference: Reference
    skills: tuple[int, int] | None
    """(right, cases), where they are asked for."""

    @classmethod
    @contextmanager
    def measured(cls, folder: Path, evaluation: Evaluation) -> Iterator["Original"]:
        """For as long as the context lasts. Raises ModelError."""
        wants_skills = evaluation.skills_per_kind > 0
        if wants_skills and not is_pocket(folder):
            raise RecipeError(
                f"evaluate.skills_per_kind is {evaluation.skills_per_kind}; {folder.name} is not "
                "pocket, which alone knows these skills. Set it to 0."
            )
        model = load_causal_lm(folder, quantization=None)
        skills = _skills(model, folder, evaluation) if wants_skills else None
        with Reference(model, _text(folder, evaluation, model)) as reference:
            del model
            yield cls(folder, reference, skills)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What gates judge by."""

    model: CausalLM
    closeness: Closeness
    skills: Skills | None


def compare(
    folder: Path,
    original: Original,
    evaluation: Evaluation,
    activations: str = "float32",
    kv_cache: CachePrecision = "auto",
) -> Comparison:
    """`activations` and `kv_cache` as the settings of those names have them. Raises ModelError, and
    CacheFormatError where the cache cannot be so."""
    model = load_causal_lm(folder, quantization=None, activations=activations)
    model.cache_shape = rounded_shape(model.cache_shape, kv_cache, model.device)
    return Comparison(
        model,
        original.reference.closeness(model),
        ask_skills(model, original, evaluation),
    )


def figures_of(folder: Path, original: Original, comparison: Comparison) -> Figures:
    """All the rest, too. Speed is what the machine gave at that moment. Raises ModelError."""
    text = original.reference.text
    return Figures(
        text=text.name,
        text_digest=text.digest,
        num_tokens=text.num_tokens,
        closeness=comparison.closeness,
        module_errors=module_errors(original.folder, folder),
        skills=comparison.skills,
        speed=measure_speed(comparison.model),
        weights_bytes=weights_bytes(folder),
        original_weights_bytes=weights_bytes(original.folder),
        resident_bytes=resident_bytes(folder),
    )


def ask_skills(model: CausalLM, original: Original, evaluation: Evaluation) -> Skills | None:
    """None where they are not asked for."""
    if original.skills is None:
        return None
    right, cases = _skills(model, original.folder, evaluation)
    return Skills(right=right, original_right=original.skills[0], cases=cases)


def weights_bytes(folder: Path) -> int:
    """Of the files that the model is read from."""
    return Checkpoint(folder).num_bytes


def _text(folder: Path, evaluation: Evaluation, model: CausalLM) -> EvaluationText:
    return load_text(
        folder, evaluation, vocab_size=model.vocab_size, max_model_len=model.max_model_len
    )


def _skills(model: CausalLM, folder: Path, evaluation: Evaluation) -> tuple[int, int]:
    # Pocket's generator and judge take a second to import, which other models should not cost.
    from models.workshop.skills import count_right

    return count_right(model, folder, evaluation.skills_per_kind)
