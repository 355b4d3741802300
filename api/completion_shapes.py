"""What /v1/completions answers: OpenAI's `text_completion`, whole and in chunks alike."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from api.chat_shapes import CompletionUsage
from api.choice_text import TextEnding


class CompletionLogprobs(TypedDict):
    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]] | None
    text_offset: list[int]


class CompletionChoice(TypedDict):
    index: int
    text: str
    logprobs: CompletionLogprobs | None
    finish_reason: TextEnding | None


class CompletionHead(TypedDict):
    id: str
    object: Literal["text_completion"]
    created: int
    model: str


class Completion(CompletionHead):
    choices: list[CompletionChoice]
    usage: CompletionUsage


class CompletionChunk(CompletionHead):
    """`usage` is there when stream_options asked for it, and null in all chunks but the last."""

    choices: list[CompletionChoice]
    usage: NotRequired[CompletionUsage | None]
