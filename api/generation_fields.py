"""The fields that chat and plain completions share. Unknown ones are refused, and so is every field
whose meaning we do not honour: nothing a caller asks for is silently ignored."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from api.constraint_fields import ConstraintFields
from api.errors import InvalidRequestError
from api.fields import Fields, without_unsupported
from runners.engine.sampling_params import SamplingParams

MAX_STOP_STRINGS = 16
MAX_STOP_CHARS = 256


def _stop_strings(value: Any) -> tuple[str, ...]:
    """From one string, or a list of them. Raises ValueError."""
    strings = [value] if isinstance(value, str) else value
    if strings is None:
        return ()
    if not isinstance(strings, list) or not all(isinstance(item, str) for item in strings):
        raise ValueError("it must be a string or a list of strings")
    if len(strings) > MAX_STOP_STRINGS:
        raise ValueError(f"{len(strings)} stop strings; at most {MAX_STOP_STRINGS} are taken")
    for string in strings:
        if not 1 <= len(string) <= MAX_STOP_CHARS:
            raise ValueError(
                f"a stop string of {len(string)} characters; it must have 1 to {MAX_STOP_CHARS}"
            )
    return tuple(strings)


StopStringsField = Annotated[
    tuple[str, ...],
    BeforeValidator(_stop_strings, json_schema_input_type=str | list[str] | None),
]


class StreamOptions(Fields):
    include_usage: bool = False
    include_obfuscation: Literal[False] | None = None


class GenerationFields(ConstraintFields):
    """null means the default, as in OpenAI's API."""

    unsupported: ClassVar[Mapping[str, Sequence[object]]] = {}
    """Fields of OpenAI's API that we do not honour -> the values that ask for nothing."""

    model: str = Field(max_length=200)
    max_tokens: int | None = None
    n: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    seed: int | None = None
    stop: StopStringsField = ()
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    # beyond OpenAI's
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    min_tokens: int | None = None
    ignore_eos: bool | None = None
    stop_token_ids: list[int] | None = None
    priority: int = Field(default=0, ge=-(2**31), lt=2**31)

    # labels for the caller's own books: they change no answer
    user: str | None = None
    metadata: dict[str, str] | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _refuse_unsupported(cls, fields: Any) -> Any:
        return without_unsupported(fields, cls.unsupported)

    @field_validator("logit_bias", mode="after")
    @classmethod
    def _check_logit_bias(cls, bias: dict[str, float] | None) -> dict[str, float] | None:
        for key in bias or {}:
            if not (key.isascii() and key.isdigit() and len(key) <= 10):
                raise ValueError(f"the key {key[:40]!r} is no token id")
        return bias

    @model_validator(mode="after")
    def _check_constraint(self) -> "GenerationFields":
        if self.constraint_field is not None and self.ignore_eos:
            raise InvalidRequestError(
                f"ignore_eos is true; an answer that keeps to {self.constraint_field} ends with "
                "it.",
                param="ignore_eos",
            )
        return self

    @model_validator(mode="after")
    def _check_stream_options(self) -> "GenerationFields":
        if self.stream_options is not None and not self.stream:
            raise InvalidRequestError(
                "stream_options is only allowed with stream: true.", param="stream_options"
            )
        return self

    @property
    def include_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage

    def sampling_params(self, *, max_tokens: int | None, logprobs: int | None) -> SamplingParams:
        """Raises RequestError."""
        bias = {int(token_id): value for token_id, value in (self.logit_bias or {}).items()}
        given = {
            "max_tokens": max_tokens,
            "min_tokens": self.min_tokens,
            "n": self.n,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "top_k": self.top_k,
            "min_p": self.min_p,
            "repetition_penalty": self.repetition_penalty,
            "presence_penalty": self.presence_penalty,
            "frequency_penalty": self.frequency_penalty,
            "seed": self.seed,
            "logit_bias": bias,
            "stop_token_ids": frozenset(self.stop_token_ids or ()),
            "ignore_eos": self.ignore_eos,
            "logprobs": logprobs,
        }
        chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        return SamplingParams(**chosen)
