"""What a request is checked against before anything is queued."""

from collections.abc import Sequence
from dataclasses import dataclass

from runners.engine.errors import ContextLengthError, RequestError
from runners.engine.request import GenerationRequest


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """Of one engine, fixed when it starts."""

    vocab_size: int
    max_model_len: int
    """Prompt and output of one sequence together."""
    max_num_seqs: int
    num_blocks: int
    block_size: int

    def check(self, request: GenerationRequest) -> None:
        """Raises RequestError, or ContextLengthError, naming the field, the value and the limit."""
        prompt, params = request.prompt_ids, request.params
        if not prompt:
            raise RequestError("prompt", "the prompt has no tokens; it must have at least 1.")
        self._check_ids("prompt", prompt)
        self._check_ids("logit_bias", tuple(params.logit_bias))
        self._check_ids("stop_token_ids", tuple(params.stop_token_ids))
        if params.ignore_eos and request.grammar is not None:
            raise RequestError(
                "ignore_eos", "ignore_eos is true; an answer that keeps to a grammar ends with it."
            )
        num_prompt, limit = len(prompt), self.max_model_len
        if num_prompt >= limit:
            raise ContextLengthError(
                "prompt",
                f"the prompt has {num_prompt} tokens; this model takes {limit - 1}, to have "
                "room for one more. Shorten it.",
            )
        num_new = max(params.max_tokens or 0, params.min_tokens)
        if num_prompt + num_new > limit:
            raise ContextLengthError(
                "max_tokens" if params.max_tokens else "min_tokens",
                f"the prompt has {num_prompt} tokens and {num_new} new ones are asked for, "
                f"{num_prompt + num_new} together; this model takes {limit}. Shorten the prompt or "
                f"ask for at most {limit - num_prompt} tokens.",
            )

    def _check_ids(self, field: str, ids: Sequence[int]) -> None:
        if ids and not (min(ids) >= 0 and max(ids) < self.vocab_size):
            wrong = next(i for i in ids if not 0 <= i < self.vocab_size)
            raise RequestError(
                field,
                f"{field} has the token id {wrong}; this model's ids go from 0 to "
                f"{self.vocab_size - 1}.",
            )
