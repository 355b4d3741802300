"""What the two kinds of completions have in common when they are written out."""

from collections.abc import Sequence
from typing import Any, Protocol

from api.chat_shapes import CompletionUsage
from api.choice_text import Delta
from api.errors import ApiError
from api.generation import Usage

Json = dict[str, Any]

LOWEST_LOGPROB = -9999.0
"""JSON has no infinity; OpenAI's own stand-in for it."""


class Answer(Protocol):
    """One call's answer: whole, or as the events of a stream."""

    def whole(self, choices: Sequence[Sequence[Delta]], usage: Usage) -> bytes:
        """The JSON body."""
        ...

    def opening(self) -> bytes:
        """Events before the first token."""
        ...

    def events(self, deltas: Sequence[Delta]) -> bytes: ...

    def closing(self, usage: Usage) -> bytes:
        """Events after the last token."""
        ...

    def failure(self, error: ApiError) -> bytes:
        """The event that ends a stream instead."""
        ...


def event(json: bytes) -> bytes:
    return b"data: " + json + b"\n\n"


DONE = event(b"[DONE]")


def usage_json(usage: Usage) -> CompletionUsage:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


def token_name(spelt: bytes) -> str:
    """The token's text; escaped bytes where it is only a part of a character."""
    try:
        return spelt.decode()
    except UnicodeDecodeError:
        return "".join(f"\\x{byte:02x}" for byte in spelt)
