"""POST /v1/messages, the response: Anthropic's message, or the events that build it."""

from collections.abc import Sequence

import jiter
import orjson

from api.answer_blocks import AnswerBlocks, Block, BlockEvent, BlockKind, Closed, Grown, Opened
from api.choice_text import Delta
from api.errors import ApiError
from api.generation import Usage
from api.messages_error import error_json
from api.messages_shapes import (
    BlockDelta,
    ContentBlock,
    ContentBlockDelta,
    ContentBlockStart,
    ContentBlockStop,
    Message,
    MessageDelta,
    MessageEnding,
    MessageEvent,
    MessageHead,
    MessageStart,
    MessageUsage,
)


class MessagesAnswer:
    """Usage counts at a stream's start are of the whole prompt; at its end they tell apart what the
    prefix cache supplied."""

    def __init__(
        self, answer_id: str, model: str, blocks: AnswerBlocks, prompt_tokens: int
    ) -> None:
        self._head: MessageHead = {
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
        body: Message = {
            **self._head,
            "content": [_block_json(block, block.text) for block in self._blocks.blocks],
            **self._ending(),
            "usage": _usage_json(usage),
        }
        return orjson.dumps(body)

    def opening(self) -> bytes:
        message: Message = {
            **self._head,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": _usage_json(Usage(self._prompt_tokens)),
        }
        start: MessageStart = {"type": "message_start", "message": message}
        return event(start)

    def events(self, deltas: Sequence[Delta]) -> bytes:
        return b"".join(_event_of(happened) for d in deltas for happened in self._blocks.add(d))

    def closing(self, usage: Usage) -> bytes:
        last: MessageDelta = {
            "type": "message_delta",
            "delta": self._ending(),
            "usage": _usage_json(usage),
        }
        return event(last) + event({"type": "message_stop"})

    def failure(self, error: ApiError) -> bytes:
        return event(error_json(error))

    def _ending(self) -> MessageEnding:
        ending = self._blocks.ending
        assert ending is not None, "asked for before the end"
        if ending.stop_string is not None:
            return {"stop_reason": "stop_sequence", "stop_sequence": ending.stop_string}
        if ending.finish_reason == "length":
            return {"stop_reason": "max_tokens", "stop_sequence": None}
        if self._blocks.has_calls:
            return {"stop_reason": "tool_use", "stop_sequence": None}
        return {"stop_reason": "end_turn", "stop_sequence": None}


def event(told: MessageEvent) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (told["type"].encode(), orjson.dumps(told))


def _event_of(happened: BlockEvent) -> bytes:
    match happened:
        case Opened(block):
            begun: ContentBlockStart = {
                "type": "content_block_start",
                "index": block.index,
                "content_block": _block_json(block, ""),
            }
            return event(begun)
        case Grown(block, text):
            grown: ContentBlockDelta = {
                "type": "content_block_delta",
                "index": block.index,
                "delta": _delta_json(block, text),
            }
            return event(grown)
        case Closed(block):
            closed: ContentBlockStop = {"type": "content_block_stop", "index": block.index}
            return event(closed)


def _block_json(block: Block, text: str) -> ContentBlock:
    """A call that was cut short has as much of its input as is there."""
    match block.kind:
        case BlockKind.TEXT:
            return {"type": "text", "text": text}
        case BlockKind.REASONING:
            return {"type": "thinking", "thinking": text, "signature": ""}
        case BlockKind.CALL:
            given = jiter.from_json(text.encode(), partial_mode=True) if text else {}
            return {"type": "tool_use", "id": block.id, "name": block.name, "input": given}


def _delta_json(block: Block, text: str) -> BlockDelta:
    match block.kind:
        case BlockKind.TEXT:
            return {"type": "text_delta", "text": text}
        case BlockKind.REASONING:
            return {"type": "thinking_delta", "thinking": text}
        case BlockKind.CALL:
            return {"type": "input_json_delta", "partial_json": text}


def _usage_json(usage: Usage) -> MessageUsage:
    return {
        "input_tokens": usage.prompt_tokens - usage.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.completion_tokens,
    }
