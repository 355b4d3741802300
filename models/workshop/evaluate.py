"""Measures a model against its original: all that a card says of it."""

from dataclasses import dataclass
from pathlib import Path

from models.architectures.causal_lm import CausalLM
from models.architectures.checkpoint import Checkpoint
from models.architectures.loading import load_causal_lm
from models.errors import RecipeError
from models.workshop.closeness import Reference
from models.workshop.evaluation_text import EvaluationText, is_pocket, load_text
from models.workshop.figures import Figures, Skills
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
    def measure(cls, folder: Path, evaluation: Evaluation) -> "Original":
        """Close `reference` when done. Raises ModelError."""
        wants_skills = evaluation.skills_per_kind > 0
        if wants_skills and not is_pocket(folder):
            raise RecipeError(
                f"evaluate.skills_per_kind is {evaluation.skills_per_kind}; {folder.name} is not "
                "pocket, which alone knows these skills. Set it to 0."
            )
        model = load_causal_lm(folder, quantization=None)
        reference = Reference(model, _text(folder, evaluation, model))
        return cls(folder, reference, _skills(model, folder, evaluation) if wants_skills else None)


def evaluate(folder: Path, original: Original, evaluation: Evaluation) -> Figures:
    """Raises ModelError. Speed is what the machine gave at that moment."""
    model = load_causal_lm(folder, quantization=None)
    skills = None
    if original.skills is not None:
        right, cases = _skills(model, folder, evaluation)
        skills = Skills(right=right, original_right=original.skills[0], cases=cases)
    text = original.reference.text
    return Figures(
        text=text.name,
        text_digest=text.digest,
        num_tokens=text.num_tokens,
        closeness=original.reference.closeness(model),
        module_errors=module_errors(original.folder, folder),
        skills=skills,
        speed=measure_speed(model),
        weights_bytes=weights_bytes(folder),
        original_weights_bytes=weights_bytes(original.folder),
        resident_bytes=resident_bytes(folder),
    )


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
