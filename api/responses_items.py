"""What goes into a response of OpenAI's Responses API: messages, calls, their results and
reasoning; and the same as chat messages."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from api.answer import Json
from api.fields import TEXT_OR_OTHER, Fields

Status = Literal["in_progress", "completed", "incomplete"]


class InputText(Fields):
    type: Literal["input_text"]
    text: str


class OutputText(Fields):
    """As an answer's own content is sent back."""

    type: Literal["output_text"]
    text: str
    annotations: list[Any] | None = Field(default=None, max_length=0)
    logprobs: list[Any] | None = Field(default=None, max_length=0)


def _type(value: object) -> str | None:
    kind = value.get("type") if isinstance(value, Mapping) else None
    return kind if isinstance(kind, str) else None


def _part(value: object) -> str:
    return f"={_type(value)}"


Part = Annotated[
    Annotated[InputText, Tag("=input_text")] | Annotated[OutputText, Tag("=output_text")],
    Discriminator(
        _part,
        custom_error_type="part",
        custom_error_message="a part must be of type input_text or output_text; no other is "
        "supported, images, audio and files included",
    ),
]


Content = Annotated[
    Annotated[str, Tag("=text")] | Annotated[list[Part], Tag("=other"), Field(min_length=1)],
    TEXT_OR_OTHER,
]


class MessageItem(Fields):
    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: Content
    id: str | None = None
    status: Status | None = None
    phase: None = None


class FunctionCallItem(Fields):
    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str
    id: str | None = None
    status: Status | None = None


class FunctionCallOutputItem(Fields):
    type: Literal["function_call_output"]
    call_id: str
    output: Content
    id: str | None = None
    status: Status | None = None


class ReasoningText(Fields):
    type: Literal["reasoning_text"]
    text: str


class ReasoningItem(Fields):
    type: Literal["reasoning"]
    id: str | None = None
    summary: list[Any] = Field(default=[], max_length=0)
    content: list[ReasoningText] | None = None
    encrypted_content: None = None
    status: Status | None = None


def _kind(item: object) -> str:
    """Of what came as JSON, or of what it was read into."""
    if isinstance(item, Mapping):
        return f"={item.get('type') or 'message'}"
    return f"={getattr(item, 'type', None)}"


Item = Annotated[
    Annotated[MessageItem, Tag("=message")]
    | Annotated[FunctionCallItem, Tag("=function_call")]
    | Annotated[FunctionCallOutputItem, Tag("=function_call_output")]
    | Annotated[ReasoningItem, Tag("=reasoning")],
    Discriminator(
        _kind,
        custom_error_type="item",
        custom_error_message="an item must be of type message, function_call, "
        "function_call_output or reasoning; no other is supported",
    ),
]

_PREFIXES = {
    "message": "msg",
    "function_call": "fc",
    "function_call_output": "fco",
    "reasoning": "rs",
}


def item_json(item: Item) -> Json:
    """As it is kept and listed: with an id, and content in parts."""
    fields = item.model_dump(exclude_none=True)
    kind = fields["type"]
    fields.setdefault("id", f"{_PREFIXES[kind]}_{uuid.uuid4().hex}")
    if kind == "message" and isinstance(item, MessageItem) and isinstance(item.content, str):
        part = "output_text" if item.role == "assistant" else "input_text"
        fields["content"] = [{"type": part, "text": item.content}]
    return fields


def chat_messages(items: Iterable[Json]) -> list[Json]:
    """`items` as `item_json` gives them. An assistant's reasoning, text and calls in a row are one
    chat message."""
    messages: list[Json] = []
    turn: Json | None = None
    for item in items:
        is_assistants = item["type"] in ("function_call", "reasoning") or (
            item["type"] == "message" and item["role"] == "assistant"
        )
        if not is_assistants:
            turn = None
            messages.append(_message(item))
            continue
        if turn is None or item["type"] == "reasoning" or _has_spoken(turn, item):
            turn = {"role": "assistant", "content": ""}
            messages.append(turn)
        _add_to(turn, item)
    return messages


def _has_spoken(turn: Json, item: Json) -> bool:
    """Whether the item is a message, and the turn has had its own."""
    return item["type"] == "message" and bool(turn["content"] or "tool_calls" in turn)


def _add_to(turn: Json, item: Json) -> None:
    if item["type"] == "reasoning":
        turn["reasoning_content"] = _text(item.get("content", ()))
    elif item["type"] == "message":
        turn["content"] = _text(item["content"])
    else:
        function = {"name": item["name"], "arguments": item["arguments"]}
        call = {"id": item["call_id"], "type": "function", "function": function}
        turn.setdefault("tool_calls", []).append(call)


def _message(item: Json) -> Json:
    if item["type"] == "message":
        return {"role": item["role"], "content": _text(item["content"])}
    return {"role": "tool", "tool_call_id": item["call_id"], "content": _text(item["output"])}


def _text(content: str | Iterable[Json]) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)
