"""POST /v1/completions, the request."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, model_validator

from api.errors import InvalidRequestError
from api.generation_fields import GenerationFields
from runners.engine.sampling_params import MAX_CHOICES

MAX_PROMPTS = MAX_CHOICES

Prompt = str | tuple[int, ...]
Prompts = str | list[str] | list[int] | list[list[int]]


def _prompts(value: Any) -> tuple[Prompt, ...]:
    """A string, a list of strings, token ids, or a list of lists of token ids."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not value:
        raise ValueError("it must be text, token ids, or a list of either, and not empty")
    if _are_ids(value):
        return (tuple(value),)
    if len(value) > MAX_PROMPTS:
        raise ValueError(f"{len(value)} prompts; at most {MAX_PROMPTS} are taken in one call")
    if all(isinstance(prompt, str) for prompt in value):
        return tuple(value)
    if all(isinstance(prompt, list) and _are_ids(prompt) for prompt in value):
        return tuple(tuple(prompt) for prompt in value)
    raise ValueError("its entries must be all texts, all token ids, or all lists of token ids")


def _are_ids(value: list[Any]) -> bool:
    return all(type(token_id) is int for token_id in value)


class CompletionRequest(GenerationFields):
    unsupported: ClassVar[Mapping[str, Sequence[object]]] = {
        "suffix": ("",),
        "store": (False,),
        "service_tier": ("auto", "default"),
    }

    prompt: Annotated[Any, BeforeValidator(_prompts, json_schema_input_type=Prompts)]
    logprobs: int | None = None
    echo: bool | None = None
    best_of: int | None = None

    @model_validator(mode="after")
    def _check_pairs(self) -> "CompletionRequest":
        if self.best_of is not None and self.best_of != (self.n or 1):
            raise InvalidRequestError(
                f"best_of is {self.best_of} and n is {self.n or 1}; best_of other than n is not "
                "supported. Leave it out.",
                param="best_of",
                code="unsupported_parameter",
            )
        if len(self.prompts) * (self.n or 1) > MAX_CHOICES:
            raise InvalidRequestError(
                f"{len(self.prompts)} prompts with n = {self.n} are more than {MAX_CHOICES} "
                "choices. Split the call.",
                param="n",
            )
        if self.echo and self.logprobs is not None:
            raise InvalidRequestError(
                "echo together with logprobs is not supported. Leave one of them out.",
                param="echo",
                code="unsupported_parameter",
            )
        return self

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        prompts: tuple[Prompt, ...] = self.prompt
        return prompts
