"""How one request's tokens are chosen. Checked at construction, against the model at submit."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from runners.engine.errors import RequestError

MAX_CHOICES = 128
MAX_LOGPROBS = 20
MAX_STOP_IDS = 64
MAX_LOGIT_BIAS = 1024


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """The defaults sample from the model's own distribution until it ends the sequence."""

    max_tokens: int | None = None
    """New tokens per choice; None: as many as the model's context leaves."""
    min_tokens: int = 0
    """End-of-sequence and stop ids are banned until so many tokens are out."""
    n: int = 1
    temperature: float = 1.0
    """0 is greedy."""
    top_p: float = 1.0
    top_k: int = 0
    """0 keeps the whole vocabulary."""
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int | None = None
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    stop_token_ids: frozenset[int] = frozenset()
    """Beside the model's own end-of-sequence ids. The stopping token is part of the output."""
    ignore_eos: bool = False
    logprobs: int | None = None
    """None: none; 0: the sampled token's alone; k: also the k most likely."""

    def __post_init__(self) -> None:
        """Raises RequestError naming the field, the value and the limit."""
        if self.max_tokens is not None:
            _within("max_tokens", self.max_tokens, 1, None)
        _within("min_tokens", self.min_tokens, 0, self.max_tokens)
        _within("n", self.n, 1, MAX_CHOICES)
        _within("temperature", self.temperature, 0.0, 2.0)
        _within("top_p", self.top_p, 0.0, 1.0, above=True)
        _within("top_k", self.top_k, 0, None)
        _within("min_p", self.min_p, 0.0, 1.0)
        _within("repetition_penalty", self.repetition_penalty, 0.0, 10.0, above=True)
        _within("presence_penalty", self.presence_penalty, -2.0, 2.0)
        _within("frequency_penalty", self.frequency_penalty, -2.0, 2.0)
        if self.seed is not None:
            _within("seed", self.seed, -(2**63), 2**63 - 1)
        _within("stop_token_ids", len(self.stop_token_ids), 0, MAX_STOP_IDS, what="entries")
        _within("logit_bias", len(self.logit_bias), 0, MAX_LOGIT_BIAS, what="entries")
        for token_id, bias in self.logit_bias.items():
            _within(f"logit_bias[{token_id}]", bias, -100.0, 100.0)
        if self.logprobs is not None:
            _within("logprobs", self.logprobs, 0, MAX_LOGPROBS)

    @property
    def is_greedy(self) -> bool:
        return self.temperature == 0.0

    @property
    def has_penalties(self) -> bool:
        return (
            self.repetition_penalty != 1.0
            or self.presence_penalty != 0.0
            or self.frequency_penalty != 0.0
        )


def _within(
    name: str,
    value: float,
    low: float,
    high: float | None,
    *,
    above: bool = False,
    what: str = "",
) -> None:
    """Raise unless low <= value <= high; `above` makes the lower bound exclusive. NaN is never
    within."""
    too_low = value <= low if above else value < low
    if not (math.isnan(value) or too_low or (high is not None and value > high)):
        return
    lower = f"above {low}" if above else f"at least {low}"
    limit = lower if high is None else f"{lower} and at most {high}"
    field_name = name.partition("[")[0]
    count = f"{value} {what}" if what else f"{value!r}"
    raise RequestError(field_name, f"{name} is {count}; it must be {limit}.")
