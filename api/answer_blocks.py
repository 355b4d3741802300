"""One choice's answer as a row of blocks - text, reasoning, calls - each of which opens, grows and
closes. APIs whose answers are lists of such blocks write these three events in their own words."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from api.choice_text import Delta
from api.message_json import new_call_id
from runners.dialects.message_parser import (
    CallArguments,
    CallBegin,
    Content,
    MessageParser,
    Part,
    Reasoning,
)


class BlockKind(Enum):
    TEXT = auto()
    REASONING = auto()
    CALL = auto()


@dataclass(slots=True)
class Block:
    kind: BlockKind
    index: int
    """Among the answer's blocks."""
    id: str
    """Of a call: what its result refers to. Of others: unique, and nothing else."""
    name: str = ""
    """Of a call: the function's."""
    text: str = ""
    """What it has grown to; of a call: its arguments as JSON."""


@dataclass(frozen=True, slots=True)
class Opened:
    block: Block


@dataclass(frozen=True, slots=True)
class Grown:
    block: Block
    text: str


@dataclass(frozen=True, slots=True)
class Closed:
    block: Block


BlockEvent = Opened | Grown | Closed


class AnswerBlocks:
    """`blocks` holds whatever has been added so far; the last of them is open until the end."""

    def __init__(self, parser: MessageParser | None, call_id_length: int | None) -> None:
        """`parser` None: all text is content."""
        self.blocks: list[Block] = []
        self.ending: Delta | None = None
        """The last delta, once it is there."""
        self._parser = parser
        self._call_id_length = call_id_length

    @property
    def has_calls(self) -> bool:
        return any(block.kind is BlockKind.CALL for block in self.blocks)

    def add(self, delta: Delta) -> Iterator[BlockEvent]:
        """Must be run to its end."""
        for part in self._parts(delta):
            yield from self._grow(part)
        if delta.finish_reason is not None:
            self.ending = delta
            if self.blocks:
                yield Closed(self.blocks[-1])

    def _parts(self, delta: Delta) -> list[Part]:
        if self._parser is None:
            return [Content(delta.text)]
        parts = self._parser.add(delta.text)
        return parts + (self._parser.finish() if delta.finish_reason is not None else [])

    def _grow(self, part: Part) -> Iterator[BlockEvent]:
        match part:
            case CallBegin(_, name):
                yield from self._open(BlockKind.CALL, new_call_id(self._call_id_length), name)
                return
            case CallArguments(_, text):
                kind = BlockKind.CALL
            case Content(text):
                kind = BlockKind.TEXT
            case Reasoning(text):
                kind = BlockKind.REASONING
        if not text:
            return
        if not self.blocks or self.blocks[-1].kind is not kind:
            yield from self._open(kind, uuid.uuid4().hex)
        block = self.blocks[-1]
        block.text += text
        yield Grown(block, text)

    def _open(self, kind: BlockKind, block_id: str, name: str = "") -> Iterator[BlockEvent]:
        if self.blocks:
            yield Closed(self.blocks[-1])
        self.blocks.append(Block(kind, len(self.blocks), block_id, name))
        yield Opened(self.blocks[-1])
