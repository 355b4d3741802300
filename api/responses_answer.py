"""POST /v1/responses, the response: whole, or as the events that build it."""

from collections.abc import Iterator, Sequence

import orjson

from api.answer_blocks import AnswerBlocks, Block, BlockEvent, BlockKind, Closed, Grown, Opened
from api.choice_text import Delta
from api.errors import ApiError
from api.generation import Usage
from api.responses_shapes import (
    ItemStatus,
    OutputItem,
    OutputTextPart,
    ReasoningTextPart,
    ResponseHead,
    ResponseObject,
    ResponseUsage,
)
from runners.tokenizer import Tokenizer


class ResponsesAnswer:
    """`body` is the response as it stands: in progress, then as it ended."""

    def __init__(self, head: ResponseHead, blocks: AnswerBlocks, tokenizer: Tokenizer) -> None:
        self.body: ResponseObject = {**head, "status": "in_progress", "output": [], "usage": None}
        self._blocks = blocks
        self._tokenizer = tokenizer
        self._num_events = 0

    def whole(self, choices: Sequence[Sequence[Delta]], usage: Usage) -> bytes:
        self.take(choices[0])
        self.end(usage)
        return orjson.dumps(self.body)

    def take(self, deltas: Sequence[Delta]) -> None:
        """Without telling of them."""
        for delta in deltas:
            for _ in self._blocks.add(delta):
                pass  # only what they add up to is wanted

    def end(self, usage: Usage) -> None:
        """After the last delta."""
        ending = self._blocks.ending
        assert ending is not None, "asked for before the end"
        is_cut = ending.finish_reason == "length"
        status: ItemStatus = "incomplete" if is_cut else "completed"
        self.body |= {
            "status": status,
            "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
            "output": self._items(status),
            "usage": self._usage(usage),
        }

    def opening(self) -> bytes:
        return self._event("response.created", response=self.body) + self._event(
            "response.in_progress", response=self.body
        )

    def events(self, deltas: Sequence[Delta]) -> bytes:
        return b"".join(
            self._told(happened) for delta in deltas for happened in self._blocks.add(delta)
        )

    def closing(self, usage: Usage) -> bytes:
        self.end(usage)
        return self._event(f"response.{self.body['status']}", response=self.body)

    def failure(self, error: ApiError) -> bytes:
        self.fail(error)
        return self._event("response.failed", response=self.body)

    def fail(self, error: ApiError) -> None:
        self.body |= {
            "status": "failed",
            "output": self._items("incomplete"),
            "error": {"code": "server_error", "message": error.shown},
        }

    def cancel(self) -> None:
        self.body |= {"status": "cancelled", "output": self._items("incomplete")}

    def _items(self, last_status: ItemStatus) -> list[OutputItem]:
        """All blocks but the last are whole in any case."""
        blocks = self._blocks.blocks
        statuses: list[ItemStatus] = ["completed" for _ in blocks[1:]]
        return [_item(*entry) for entry in zip(blocks, [*statuses, last_status], strict=False)]

    def _told(self, happened: BlockEvent) -> bytes:
        match happened:
            case Opened(block):
                item = {**_item(block, "in_progress"), **_BEGUN[block.kind]}
                told = self._event(
                    "response.output_item.added", output_index=block.index, item=item
                )
                return told + self._part_event("added", block, "")
            case Grown(block, text):
                return self._block_event(f"{_TEXT_EVENTS[block.kind]}.delta", block, delta=text)
            case Closed(block):
                return b"".join(self._closed(block))

    def _closed(self, block: Block) -> Iterator[bytes]:
        name = f"{_TEXT_EVENTS[block.kind]}.done"
        if block.kind is BlockKind.CALL:
            yield self._block_event(name, block, arguments=block.text, name=block.name)
        else:
            yield self._block_event(name, block, text=block.text)
        yield self._part_event("done", block, block.text)
        ending = self._blocks.ending
        is_cut = ending is not None and ending.finish_reason == "length"
        item = _item(block, "incomplete" if is_cut else "completed")
        yield self._event("response.output_item.done", output_index=block.index, item=item)

    def _block_event(self, name: str, block: Block, /, **fields: object) -> bytes:
        """A call's arguments are no part of a content."""
        if block.kind is not BlockKind.CALL:
            fields = {"content_index": 0, **fields}
        if block.kind is BlockKind.TEXT:
            fields = {**fields, "logprobs": []}
        return self._event(name, item_id=_item_id(block), output_index=block.index, **fields)

    def _part_event(self, name: str, block: Block, text: str) -> bytes:
        if block.kind is BlockKind.CALL:
            return b""
        is_text = block.kind is BlockKind.TEXT
        return self._event(
            f"response.content_part.{name}",
            item_id=_item_id(block),
            output_index=block.index,
            content_index=0,
            part=_text_part(text) if is_text else _reasoning_part(text),
        )

    def _event(self, name: str, /, **fields: object) -> bytes:
        body = {"type": name, "sequence_number": self._num_events, **fields}
        self._num_events += 1
        return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps(body))

    def _usage(self, usage: Usage) -> ResponseUsage:
        thoughts = (b.text for b in self._blocks.blocks if b.kind is BlockKind.REASONING)
        num_reasoning = sum(len(self._tokenizer.encode_answer(text)) for text in thoughts)
        return {
            "input_tokens": usage.prompt_tokens,
            "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
            "output_tokens": usage.completion_tokens,
            "output_tokens_details": {"reasoning_tokens": num_reasoning},
            "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        }


_TEXT_EVENTS = {
    BlockKind.TEXT: "response.output_text",
    BlockKind.REASONING: "response.reasoning_text",
    BlockKind.CALL: "response.function_call_arguments",
}
_BEGUN: dict[BlockKind, dict[str, object]] = {
    BlockKind.TEXT: {"content": []},
    BlockKind.REASONING: {"content": []},
    BlockKind.CALL: {"arguments": ""},
}
"""What an item begins with, in place of what it has."""


def _item_id(block: Block) -> str:
    prefix = {BlockKind.TEXT: "msg", BlockKind.REASONING: "rs", BlockKind.CALL: "fc"}[block.kind]
    return f"{prefix}_{block.id.removeprefix('call_')}"


def _item(block: Block, status: ItemStatus) -> OutputItem:
    match block.kind:
        case BlockKind.TEXT:
            return {
                "id": _item_id(block),
                "status": status,
                "type": "message",
                "role": "assistant",
                "content": [_text_part(block.text)],
            }
        case BlockKind.REASONING:
            return {
                "id": _item_id(block),
                "status": status,
                "type": "reasoning",
                "summary": [],
                "content": [_reasoning_part(block.text)],
            }
        case BlockKind.CALL:
            return {
                "id": _item_id(block),
                "status": status,
                "type": "function_call",
                "call_id": block.id,
                "name": block.name,
                "arguments": block.text,
            }


def _text_part(text: str) -> OutputTextPart:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _reasoning_part(text: str) -> ReasoningTextPart:
    return {"type": "reasoning_text", "text": text}
