"""What the messages of an Anthropic conversation are made of, and the same as chat messages."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Annotated, Any, Literal

import orjson
from pydantic import Discriminator, Tag

from api.answer import Json
from api.fields import TEXT_OR_OTHER, Fields


class CacheControl(Fields):
    """Accepted because clients send it: what prompts have in common is always cached."""

    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class TextBlock(Fields):
    type: Literal["text"]
    text: str
    cache_control: CacheControl | None = None
    citations: None = None


class ToolUseBlock(Fields):
    type: Literal["tool_use"]
    id: str
    name: str
    input: dict[str, Any]
    cache_control: CacheControl | None = None
    caller: None = None


class ThinkingBlock(Fields):
    type: Literal["thinking"]
    thinking: str
    signature: str = ""


class ToolResultBlock(Fields):
    """The model is told of an error by a word in front of the content."""

    type: Literal["tool_result"]
    tool_use_id: str
    content: Annotated[
        Annotated[str, Tag("=text")] | Annotated[list[TextBlock], Tag("=other")],
        TEXT_OR_OTHER,
    ] = ""
    is_error: bool = False
    cache_control: CacheControl | None = None


def _kind(block: object) -> str | None:
    kind = block.get("type") if isinstance(block, Mapping) else None
    return f"={kind}" if isinstance(kind, str) else None


UserBlock = Annotated[
    Annotated[TextBlock, Tag("=text")] | Annotated[ToolResultBlock, Tag("=tool_result")],
    Discriminator(
        _kind,
        custom_error_type="block",
        custom_error_message="a user's block must be of type text or tool_result; no other is "
        "supported, images and documents included",
    ),
]
AssistantBlock = Annotated[
    Annotated[TextBlock, Tag("=text")]
    | Annotated[ToolUseBlock, Tag("=tool_use")]
    | Annotated[ThinkingBlock, Tag("=thinking")],
    Discriminator(
        _kind,
        custom_error_type="block",
        custom_error_message="an assistant's block must be of type text, tool_use or thinking; no "
        "other is supported",
    ),
]


def joined_text(content: str | Sequence[TextBlock]) -> str:
    return content if isinstance(content, str) else "\n\n".join(block.text for block in content)


def user_messages(
    content: str | Sequence[TextBlock | ToolResultBlock],
) -> Iterator[Json]:
    """A message per tool result, and one for the texts between two of them."""
    if isinstance(content, str):
        yield {"role": "user", "content": content}
        return
    for is_result, blocks in groupby(content, lambda block: isinstance(block, ToolResultBlock)):
        if is_result:
            yield from (_tool_message(b) for b in blocks if isinstance(b, ToolResultBlock))
        else:
            texts = [block for block in blocks if isinstance(block, TextBlock)]
            yield {"role": "user", "content": joined_text(texts)}


def _tool_message(block: ToolResultBlock) -> Json:
    text = joined_text(block.content)
    return {
        "role": "tool",
        "tool_call_id": block.tool_use_id,
        "content": f"Error: {text}" if block.is_error else text,
    }


def assistant_message(
    content: str | Sequence[TextBlock | ToolUseBlock | ThinkingBlock],
) -> Json:
    if isinstance(content, str):
        return {"role": "assistant", "content": content}
    texts = [block for block in content if isinstance(block, TextBlock)]
    message: Json = {"role": "assistant", "content": joined_text(texts)}
    if thoughts := [block.thinking for block in content if isinstance(block, ThinkingBlock)]:
        message["reasoning_content"] = "".join(thoughts)
    if calls := [block for block in content if isinstance(block, ToolUseBlock)]:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": orjson.dumps(call.input).decode()},
            }
            for call in calls
        ]
    return message
