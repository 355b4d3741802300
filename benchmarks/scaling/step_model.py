"""How long a step of the engine takes, as a sum of what is in it, fitted to measured steps.

    seconds = step + sequence * n + decode_context * C + prompt * p + prompt_context * X

n sequences take their next token over C tokens of context in all; p prompt tokens are computed, and
X is the sum of what each of them attends to. A step reads the weights once, whoever is in it
(`step`), multiplies for each token, and reads each sequence's cache. Knows nothing of queues.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np


class StepFileError(Exception):
    """The file holds no measured steps; says which and what to do."""


@dataclass(frozen=True, slots=True)
class MeasuredStep:
    """The median of steps alike. Contexts are of one sequence or prompt token, on average."""

    decoding: int
    decode_context: float
    prompt: int
    prompt_context: float
    seconds: float

    def quantities(self) -> tuple[float, ...]:
        """What the fitted coefficients are multiplied with."""
        return (
            1.0,
            self.decoding,
            self.decoding * self.decode_context,
            self.prompt,
            self.prompt * self.prompt_context,
        )


@dataclass(frozen=True, slots=True)
class PrefixHit:
    """A prompt computed, and computed again when all but its end was in the prefix cache."""

    prompt: int
    cached: int
    miss_s: float
    hit_s: float


@dataclass(frozen=True, slots=True)
class StepMeasurement:
    """What `python -m benchmarks.scaling --measure` keeps, with its origin."""

    model: str
    quantization: str
    activations: str
    origin: str
    """How the steps were timed, and when."""
    host: dict[str, str]
    foreign_cores: float
    """Of the machine, that others used meanwhile: above 0.1 the figures are disturbed."""
    max_num_seqs: int
    max_batch_tokens: int
    cache_tokens: int
    prompt_tokens_beside: tuple[tuple[int, int], ...]
    """For so many who wait for their next token, the prompt tokens that a step may have beside."""
    steps: tuple[MeasuredStep, ...]
    prefix_hit: PrefixHit | None
    """None: not measured."""

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, file: Path) -> "StepMeasurement":
        """Raises StepFileError."""
        if not file.is_file():
            raise StepFileError(f"there is no {file}; measure the steps first, with --measure.")
        fields: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        try:
            fields["steps"] = tuple(MeasuredStep(**step) for step in fields["steps"])
            if fields["prefix_hit"] is not None:
                fields["prefix_hit"] = PrefixHit(**fields["prefix_hit"])
            fields["prompt_tokens_beside"] = tuple(map(tuple, fields["prompt_tokens_beside"]))
            return cls(**fields)
        except (KeyError, TypeError) as error:
            raise StepFileError(f"{file} has no measured steps: {error}.") from error


@dataclass(frozen=True, slots=True)
class StepModel:
    """Coefficients in seconds."""

    step: float
    sequence: float
    decode_context: float
    prompt: float
    prompt_context: float

    @classmethod
    def fitted(cls, steps: Sequence[MeasuredStep]) -> "StepModel":
        """Least squares of the relative errors. No work takes negative time: a coefficient that
        would is 0, and the others are fitted without it."""
        seconds = np.array([step.seconds for step in steps])
        quantities = np.array([step.quantities() for step in steps]) / seconds[:, None]
        coefficients = np.zeros(quantities.shape[1])
        used = np.ones(quantities.shape[1], dtype=bool)
        while True:
            fitted, *_ = np.linalg.lstsq(quantities[:, used], np.ones(len(steps)), rcond=None)
            if fitted.min() >= 0:
                coefficients[used] = fitted
                return cls(*coefficients.tolist())
            used[np.flatnonzero(used)[fitted.argmin()]] = False

    def seconds(self, measured: MeasuredStep) -> float:
        """Of a step like that one."""
        coefficients = (
            self.step, self.sequence, self.decode_context, self.prompt, self.prompt_context,
        )  # fmt: skip
        return sum(c * q for c, q in zip(coefficients, measured.quantities(), strict=True))

    def seconds_of(
        self, steps: int, *, decoding: int, context: int, prompt: int = 0, prompt_context: int = 0
    ) -> float:
        """`steps` in a row with the same members: every sequence's `context` (the sum of all) grows
        by one token a step, and the `prompt` tokens of each step attend to those before them,
        `prompt_context` to begin with."""
        first = (
            self.step
            + self.sequence * decoding
            + self.decode_context * context
            + self.prompt * prompt
            + self.prompt_context * prompt * (prompt_context + prompt / 2)
        )
        growth = self.decode_context * decoding + self.prompt_context * prompt * prompt
        return steps * first + growth * steps * (steps - 1) / 2
