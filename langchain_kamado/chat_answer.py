"""From the server's `chat.completion`, whole or in chunks, to LangChain's messages.

A stream's chunks add up to what the whole answer says: every fact is told once, and what holds for
all of it (finish reason, model, usage) on the last chunk.
"""

from collections.abc import Iterator
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata
from langchain_core.messages.tool import ToolCallChunk, tool_call_chunk
from langchain_core.output_parsers.openai_tools import make_invalid_tool_call, parse_tool_call
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from langchain_kamado.decoders import Json

PROVIDER = "kamado"


def usage_metadata(usage: Json) -> UsageMetadata:
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
    return UsageMetadata(
        input_tokens=usage["prompt_tokens"],
        output_tokens=usage["completion_tokens"],
        total_tokens=usage["total_tokens"],
        input_token_details=InputTokenDetails(cache_read=cached),
    )


def chat_result(body: Json) -> ChatResult:
    """One generation per choice. Usage is the whole call's, and is told with the first of them, so
    that a sum over all is right."""
    usage = usage_metadata(body["usage"])
    generations = [
        ChatGeneration(
            message=_message(body, choice, usage if place == 0 else None),
            generation_info=_info(choice),
        )
        for place, choice in enumerate(body["choices"])
    ]
    return ChatResult(generations=generations)


def _message(body: Json, choice: Json, usage: UsageMetadata | None) -> AIMessage:
    told = choice["message"]
    calls, invalid_calls = [], []
    for call in told.get("tool_calls") or ():
        try:
            calls.append(parse_tool_call(call, return_id=True))
        except Exception as error:  # arguments that were cut by max_tokens are no JSON
            invalid_calls.append(make_invalid_tool_call(call, str(error)))
    return AIMessage(
        content=told.get("content") or "",
        additional_kwargs=_reasoning(told),
        tool_calls=calls,
        invalid_tool_calls=invalid_calls,
        usage_metadata=usage,
        id=body["id"] if len(body["choices"]) == 1 else None,
        response_metadata={"model_provider": PROVIDER, "model_name": body["model"]},
    )


def _info(choice: Json) -> dict[str, Any]:
    info = {"finish_reason": choice["finish_reason"]}
    if choice.get("logprobs") is not None:
        info["logprobs"] = choice["logprobs"]
    return info


def _reasoning(told: Json) -> dict[str, Any]:
    reasoning = told.get("reasoning_content")
    return {"reasoning_content": reasoning} if reasoning else {}


class ChatChunks:
    """Turns a stream's events into chunks; the last one comes with `last`."""

    def __init__(self) -> None:
        self._head: Json = {}
        self._finish_reason: str | None = None
        self._usage: Json | None = None

    def chunks(self, event: Json) -> Iterator[ChatGenerationChunk]:
        """None for an event that has nothing to show."""
        self._head = event
        self._usage = event.get("usage") or self._usage
        for choice in event["choices"]:
            self._finish_reason = choice.get("finish_reason") or self._finish_reason
            delta, logprobs = choice["delta"], choice.get("logprobs")
            content = delta.get("content") or ""
            reasoning, calls = _reasoning(delta), _call_chunks(delta)
            if content or reasoning or calls or logprobs:
                yield ChatGenerationChunk(
                    message=AIMessageChunk(
                        content=content,
                        additional_kwargs=reasoning,
                        tool_call_chunks=calls,
                        id=event["id"],
                    ),
                    generation_info={"logprobs": logprobs} if logprobs else None,
                )

    def last(self) -> ChatGenerationChunk:
        return ChatGenerationChunk(
            message=AIMessageChunk(
                content="",
                id=self._head.get("id"),
                usage_metadata=usage_metadata(self._usage) if self._usage else None,
                response_metadata={
                    "model_provider": PROVIDER,
                    "model_name": self._head.get("model"),
                },
                chunk_position="last",
            ),
            generation_info={"finish_reason": self._finish_reason},
        )


def _call_chunks(delta: Json) -> list[ToolCallChunk]:
    return [
        tool_call_chunk(
            name=call.get("function", {}).get("name"),
            args=call.get("function", {}).get("arguments"),
            id=call.get("id"),
            index=call["index"],
        )
        for call in delta.get("tool_calls") or ()
    ]
