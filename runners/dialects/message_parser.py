"""One choice's text as it arrives, taken apart into reasoning, content and tool calls.

Marks that are single tokens come as symbols, which no text contains; others come as they are spelt,
and are held back until it is clear that they are none. Where tools may be called the text keeps to
the dialect's grammar, so that a call, once opened, is what it should be.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from runners.dialects.tool_format import ToolFormat


@dataclass(frozen=True, slots=True)
class Reasoning:
    text: str


@dataclass(frozen=True, slots=True)
class Content:
    text: str


@dataclass(frozen=True, slots=True)
class CallBegin:
    """The call's name is known; its arguments follow."""

    index: int
    name: str


@dataclass(frozen=True, slots=True)
class CallArguments:
    """A piece of the arguments' JSON."""

    index: int
    text: str


Part = Reasoning | Content | CallBegin | CallArguments


class _State(Enum):
    START = auto()
    """Nothing but whitespace yet."""
    REASONING = auto()
    GAP = auto()
    """Whitespace between the reasoning and what follows."""
    CONTENT = auto()
    NAME = auto()
    ARGUMENTS = auto()
    AFTER = auto()
    """Of a call: the end, or the next call."""


class MessageParser:
    """Whatever the pieces it is given, the parts are the same when joined."""

    def __init__(
        self,
        think: tuple[str, ...] | None,
        tool_format: ToolFormat | None,
        *,
        within_reasoning: bool,
        spelt: Mapping[str, str] | None = None,
    ) -> None:
        """`spelt`: symbol -> the mark it stands for, where it turns up as text after all."""
        self.num_calls = 0
        self._think = think
        self._format = tool_format
        self._spelt = str.maketrans(dict(spelt or {}))
        self._buffer = ""
        self._has_begun = False
        """Some content is out."""
        self._value = JsonValue()
        self._state = _State.CONTENT
        if think is not None:
            self._state = _State.REASONING if within_reasoning else _State.START

    def add(self, text: str) -> list[Part]:
        self._buffer += text
        parts: list[Part] = []
        while self._advance(parts):
            pass
        return parts

    def finish(self) -> list[Part]:
        """What was held back in vain. A call without its whole name is left out."""
        held, self._buffer = self._buffer, ""
        if held and self._state is _State.REASONING:
            return [Reasoning(held.translate(self._spelt))]
        if held and self._state in (_State.START, _State.CONTENT):
            return [Content(held.translate(self._spelt))]
        return []

    def _advance(self, parts: list[Part]) -> bool:
        """Consume of the buffer what can be; whether the state changed, so that there may be
        more."""
        match self._state:
            case _State.START:
                return self._start()
            case _State.REASONING:
                return self._reasoning(parts)
            case _State.GAP:
                self._buffer = self._buffer.lstrip()
                return self._enter(_State.CONTENT) if self._buffer else False
            case _State.CONTENT:
                return self._content(parts)
            case _State.NAME:
                return self._name(parts)
            case _State.ARGUMENTS:
                return self._arguments(parts)
            case _State.AFTER:
                return self._after()

    def _enter(self, state: _State) -> bool:
        self._state = state
        return True

    def _start(self) -> bool:
        assert self._think is not None
        bare = self._buffer.lstrip()
        if bare.startswith(self._think[0]):
            self._buffer = bare.removeprefix(self._think[0])
            return self._enter(_State.REASONING)
        return not self._think[0].startswith(bare) and self._enter(_State.CONTENT)

    def _reasoning(self, parts: list[Part]) -> bool:
        assert self._think is not None
        if not self._has_begun:
            self._buffer = self._buffer.lstrip()
        text, is_whole = self._take_until(self._think[1])
        if text:
            self._has_begun = True
            parts.append(Reasoning(text.translate(self._spelt)))
        if is_whole:
            self._has_begun = False
            return self._enter(_State.GAP)
        return False

    def _content(self, parts: list[Part]) -> bool:
        if self._format is None:
            text, self._buffer = self._buffer, ""
            if text:
                parts.append(Content(text.translate(self._spelt)))
            return False
        if self._format.leads:
            return self._leading_call(parts)
        text, is_whole = self._take_until(self._format.opening)
        if text:
            parts.append(Content(text.translate(self._spelt)))
        return is_whole and self._enter(_State.NAME)

    def _leading_call(self, parts: list[Part]) -> bool:
        assert self._format is not None
        opening, lead = self._format.opening, self._format.optional_lead
        bare = self._buffer.removeprefix(lead)
        if not self._has_begun and bare.startswith(opening):
            self._buffer = bare.removeprefix(opening)
            return self._enter(_State.NAME)
        may_be_call = opening.startswith(bare) or lead.startswith(self._buffer)
        if self._buffer and (self._has_begun or not may_be_call):
            self._has_begun = True
            parts.append(Content(self._buffer.translate(self._spelt)))
            self._buffer = ""
        return False

    def _name(self, parts: list[Part]) -> bool:
        assert self._format is not None
        name, middle, rest = self._buffer.partition(self._format.middle)
        if not middle:
            return False
        parts.append(CallBegin(self.num_calls, name))
        self.num_calls += 1
        self._buffer = rest
        self._value = JsonValue()
        return self._enter(_State.ARGUMENTS)

    def _arguments(self, parts: list[Part]) -> bool:
        end = self._value.end_in(self._buffer)
        text = self._buffer if end is None else self._buffer[:end]
        self._buffer = self._buffer[len(text) :]
        if text:
            parts.append(CallArguments(self.num_calls - 1, text))
        return end is not None and self._enter(_State.AFTER)

    def _after(self) -> bool:
        assert self._format is not None
        if self._format.separator is None:
            return False
        head = self._format.closing + self._format.separator
        if not self._buffer.startswith(head):
            return False
        self._buffer = self._buffer.removeprefix(head)
        return self._enter(_State.NAME)

    def _take_until(self, mark: str) -> tuple[str, bool]:
        """(text before the mark without the whitespace that leads to it, whether the mark is
        there). What could still become either stays in the buffer."""
        text, found, rest = self._buffer.partition(mark)
        if found:
            self._buffer = rest
            return text.rstrip(), True
        num_held = next(
            size
            for size in range(min(len(mark) - 1, len(text)), -1, -1)
            if mark.startswith(text[len(text) - size :])
        )
        sure = text[: len(text) - num_held].rstrip()
        self._buffer = text[len(sure) :]
        return sure, False


class JsonValue:
    """Finds where an object that arrives in pieces ends."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._is_escaped = False

    def end_in(self, text: str) -> int | None:
        """The place after the object's last brace, or None if it goes on."""
        for place, char in enumerate(text):
            if self._is_escaped:
                self._is_escaped = False
            elif self._in_string:
                self._is_escaped = char == "\\"
                self._in_string = char != '"'
            elif char == '"':
                self._in_string = True
            elif char in "{[":
                self._depth += 1
            elif char in "]}":
                self._depth -= 1
                if not self._depth:
                    return place + 1
        return None
