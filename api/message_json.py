"""What a chat message is made of, as OpenAI's JSON: whole, or piece by piece."""

import secrets
import string
import uuid
from collections.abc import Iterable, Sequence

import orjson

from api.chat_shapes import AnsweredMessage, ChatDelta, ToolCallDelta
from runners.dialects.message_parser import (
    CallArguments,
    CallBegin,
    Content,
    MessageParser,
    Part,
    Reasoning,
)

_ALPHANUMERIC = string.ascii_letters + string.digits


def new_call_id(length: int | None) -> str:
    """Some templates insist on a length, of letters and digits alone."""
    if length is None:
        return f"call_{uuid.uuid4().hex[:24]}"
    return "".join(secrets.choice(_ALPHANUMERIC) for _ in range(length))


def message_json(parser: MessageParser, text: str, call_id_length: int | None) -> AnsweredMessage:
    """The whole message of one choice."""
    parts = [*parser.add(text), *parser.finish()]
    content = "".join(part.text for part in parts if isinstance(part, Content))
    reasoning = "".join(part.text for part in parts if isinstance(part, Reasoning))
    message: AnsweredMessage = {"role": "assistant", "content": content, "refusal": None}
    if reasoning:
        message["reasoning_content"] = reasoning
    if calls := [part for part in parts if isinstance(part, CallBegin)]:
        message["content"] = content or None
        message["tool_calls"] = [
            {
                "id": new_call_id(call_id_length),
                "type": "function",
                "function": {"name": call.name, "arguments": _arguments(parts, call.index)},
            }
            for call in calls
        ]
    return message


def _arguments(parts: Iterable[Part], index: int) -> str:
    pieces = (part for part in parts if isinstance(part, CallArguments))
    return "".join(piece.text for piece in pieces if piece.index == index)


def delta_jsons(parts: Sequence[Part], call_id_length: int | None) -> list[bytes]:
    """The deltas that tell of the parts, neighbours of a kind as one."""
    return [orjson.dumps(_delta_json(part, call_id_length)) for part in _merged(parts)]


def _delta_json(part: Part, call_id_length: int | None) -> ChatDelta:
    match part:
        case Content(text):
            return {"content": text}
        case Reasoning(text):
            return {"reasoning_content": text}
        case CallArguments(index, text):
            return {"tool_calls": [{"index": index, "function": {"arguments": text}}]}
        case CallBegin(index, name):
            call: ToolCallDelta = {
                "index": index,
                "id": new_call_id(call_id_length),
                "type": "function",
                "function": {"name": name, "arguments": ""},
            }
            return {"tool_calls": [call]}


def _merged(parts: Sequence[Part]) -> list[Part]:
    merged: list[Part] = []
    for part in parts:
        match (merged[-1] if merged else None), part:
            case Content(before), Content(text):
                merged[-1] = Content(before + text)
            case Reasoning(before), Reasoning(text):
                merged[-1] = Reasoning(before + text)
            case CallArguments(index, before), CallArguments(same, text) if index == same:
                merged[-1] = CallArguments(index, before + text)
            case _:
                merged.append(part)
    return merged
