"""POST /v1/messages, the response: Anthropic's message, or the events that build it."""

from collections.abc import Sequence

import jiter
import orjson

from api.answer import Json
from api.answer_blocks import AnswerBlocks, Block, BlockEvent, BlockKind, Closed, Grown, Opened
from api.choice_text import Delta
from api.errors import ApiError
from api.generation import Usage
from api.messages_error import error_json


class MessagesAnswer:
    """Usage counts at a stream's start are of the whole prompt; at its end they tell apart what the
    prefix cache supplied."""

    def __init__(
        self, answer_id: str, model: str, blocks: AnswerBlocks, prompt_tokens: int
    ) -> None:
        self._head: Json = {
            "id": answer_id,
            "type": "message",
            "role": "assistant",
            "model": model,
        }
        self._blocks = blocks
        self._prompt_tokens = prompt_tokens

    def whole(self, choices: Sequence[Sequence[Delta]], usage: Usage) -> bytes:
        for delta in choices[0]:
            for _ in self._blocks.add(delta):
                pass  # only what they add up to is told
        body = {
            **self._head,
            "content": [_block_json(block, block.text) for block in self._blocks.blocks],
            **self._ending(),
            "usage": _usage_json(usage),
        }
        return orjson.dumps(body)

    def opening(self) -> bytes:
        message = {
            **self._head,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": _usage_json(Usage(self._prompt_tokens)),
        }
        return event("message_start", {"message": message})

    def events(self, deltas: Sequence[Delta]) -> bytes:
        return b"".join(_event_of(happened) for d in deltas for happened in self._blocks.add(d))

    def closing(self, usage: Usage) -> bytes:
        last = {"delta": self._ending(), "usage": _usage_json(usage)}
        return event("message_delta", last) + event("message_stop", {})

    def failure(self, error: ApiError) -> bytes:
        return event("error", error_json(error))

    def _ending(self) -> Json:
        ending = self._blocks.ending
        assert ending is not None, "asked for before the end"
        if ending.stop_string is not None:
            reason = "stop_sequence"
        elif ending.finish_reason == "length":
            reason = "max_tokens"
        else:
            reason = "tool_use" if self._blocks.has_calls else "end_turn"
        return {"stop_reason": reason, "stop_sequence": ending.stop_string}


def event(name: str, fields: Json) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps({"type": name, **fields}))


def _event_of(happened: BlockEvent) -> bytes:
    match happened:
        case Opened(block):
            begun = {"index": block.index, "content_block": _block_json(block, "")}
            return event("content_block_start", begun)
        case Grown(block, text):
            return event(
                "content_block_delta", {"index": block.index, "delta": _delta_json(block, text)}
            )
        case Closed(block):
            return event("content_block_stop", {"index": block.index})


def _block_json(block: Block, text: str) -> Json:
    """A call that was cut short has as much of its input as is there."""
    match block.kind:
        case BlockKind.TEXT:
            return {"type": "text", "text": text}
        case BlockKind.REASONING:
            return {"type": "thinking", "thinking": text, "signature": ""}
        case BlockKind.CALL:
            given = jiter.from_json(text.encode(), partial_mode=True) if text else {}
            return {"type": "tool_use", "id": block.id, "name": block.name, "input": given}


def _delta_json(block: Block, text: str) -> Json:
    match block.kind:
        case BlockKind.TEXT:
            return {"type": "text_delta", "text": text}
        case BlockKind.REASONING:
            return {"type": "thinking_delta", "thinking": text}
        case BlockKind.CALL:
            return {"type": "input_json_delta", "partial_json": text}


def _usage_json(usage: Usage) -> Json:
    return {
        "input_tokens": usage.prompt_tokens - usage.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.completion_tokens,
    }
