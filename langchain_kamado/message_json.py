"""LangChain's messages as the server reads them."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_kamado.decoders import Json
from langchain_kamado.errors import BadRequestError

_CALLS = {"tool_use", "tool_call", "tool_call_chunk", "function_call", "invalid_tool_call"}
"""Blocks that only repeat what `AIMessage.tool_calls` says."""
_REASONING = {"reasoning": "reasoning", "thinking": "thinking"}
"""Kinds of blocks that hold reasoning -> the key it is under."""


def messages_json(messages: Sequence[BaseMessage]) -> list[Json]:
    """Raises BadRequestError for what a model of text cannot be told."""
    return [_message(message, f"messages[{place}]") for place, message in enumerate(messages)]


def _message(message: BaseMessage, path: str) -> Json:
    text, reasoning = _content(message, path)
    written: Json = {"role": _role(message, path), "content": text}
    if message.name:
        written["name"] = message.name
    if isinstance(message, ToolMessage):
        written["tool_call_id"] = message.tool_call_id
    if isinstance(message, AIMessage):
        reasoning = message.additional_kwargs.get("reasoning_content") or reasoning
        if reasoning:
            written["reasoning_content"] = reasoning
        if calls := [*_calls(message)]:
            written["tool_calls"] = calls
            written["content"] = text or None
    return written


def _role(message: BaseMessage, path: str) -> str:
    match message:
        case SystemMessage():
            return "system"
        case HumanMessage():
            return "user"
        case AIMessage():
            return "assistant"
        case ToolMessage():
            return "tool"
        case ChatMessage():
            return message.role
    raise BadRequestError(
        f"{path} is a {type(message).__name__}, which has no role that the server knows. Use "
        "system, human, AI and tool messages.",
        param=path,
    )


def _content(message: BaseMessage, path: str) -> tuple[str, str]:
    """(text, reasoning)."""
    if isinstance(message.content, str):
        return message.content, ""
    texts, reasonings = [], []
    for place, block in enumerate(message.content):
        if isinstance(block, str):
            texts.append(block)
            continue
        kind = str(block.get("type"))
        if kind == "text":
            texts.append(block["text"])
        elif kind in _REASONING:
            reasonings.append(str(block.get(_REASONING[kind]) or ""))
        elif not (kind in _CALLS and isinstance(message, AIMessage)):
            raise BadRequestError(
                f"{path}.content[{place}] is of type {kind!r}; the server's models read text only. "
                "Leave it out, or put what it shows into words.",
                param=f"{path}.content[{place}]",
            )
    return "".join(texts), "".join(reasonings)


def _calls(message: AIMessage) -> Iterable[Json]:
    for call in message.tool_calls:
        yield _call(call["id"], call["name"], json.dumps(call["args"], ensure_ascii=False))
    for invalid in message.invalid_tool_calls:
        yield _call(invalid["id"], invalid["name"], invalid["args"] or "")


def _call(call_id: str | None, name: str | None, arguments: str) -> dict[str, Any]:
    function = {"name": name or "", "arguments": arguments}
    return {"id": call_id or "", "type": "function", "function": function}
