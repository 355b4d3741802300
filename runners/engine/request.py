"""What crosses the engine's boundary: a request on the way in, outputs on the way out. Ids only, no
text."""

from dataclasses import dataclass, field
from enum import StrEnum

from runners.engine.grammar import Grammar
from runners.engine.sampling_params import SamplingParams

BACKGROUND_PRIORITY = 2**31 - 1
"""The last there is. Work that takes part only in steps with no other, and gives up its place and
its blocks to whoever comes."""


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One prompt and how to continue it, `params.n` times."""

    request_id: str
    prompt_ids: tuple[int, ...]
    params: SamplingParams = field(default_factory=SamplingParams)
    priority: int = 0
    """Lower is served first, and preempted last; equals go by arrival."""
    grammar: Grammar | None = None
    """Every choice keeps to it."""

    @property
    def is_background(self) -> bool:
        return self.priority >= BACKGROUND_PRIORITY


class FinishReason(StrEnum):
    STOP = "stop"
    """An end-of-sequence or stop token was sampled."""
    COMPLETE = "complete"
    """The grammar has come to its end. Unlike with STOP, the last token is part of the answer."""
    LENGTH = "length"
    """max_tokens, or the longest sequence the model takes, was reached."""
    ABORT = "abort"
    """The caller gave up, or the engine closed."""
    GRAMMAR = "grammar"
    """The request's own grammar took more work than it may; `SequenceOutput.error` says which."""
    ERROR = "error"
    """The sequence's own forward or sampling failed; `SequenceOutput.error` says how."""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """Log-probability of the sampled token and of the most likely ones, under the model's own
    distribution (before temperature, penalties and truncation)."""

    token_id: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()
    """(token id, logprob), most likely first; `params.logprobs` of them."""


@dataclass(frozen=True, slots=True)
class SequenceOutput:
    """What one step added to one choice of a request. The last one carries the finish reason; every
    choice of every request gets exactly one such."""

    request_id: str
    index: int
    """Which of the n choices."""
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()
    """Parallel to token_ids when the request asked for logprobs, else empty."""
    finish_reason: FinishReason | None = None
    num_cached_tokens: int = 0
    """Prompt tokens that the prefix cache supplied."""
    error: str | None = None
