"""What one model's messages are made of beside text: reasoning and tool calls. Read once from its
chat template and vocabulary."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runners.dialects.message_parser import MessageParser
from runners.dialects.tool_format import ToolFormat, tool_format_of
from runners.grammars.json_schema import CheckedSchema
from runners.grammars.source import (
    MARKER_SYMBOLS,
    GrammarSource,
    json_expression,
    literal,
    marker_symbol,
)
from runners.tokenizer import Tokenizer

THINK = ("<think>", "</think>")
GAP_RULE = r"GAP: /[ \n]{1,4}/"
TEXT_RULE = "TEXT: /(?s:.+)/"


@dataclass(frozen=True, slots=True)
class CallableTool:
    """A tool whose arguments' schema has been checked."""

    name: str
    arguments: CheckedSchema


class ChatDialect:
    """In decoded text, marks that are one token are symbols; see MessageParser."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        template = tokenizer.chat_template_text
        tool_format = tool_format_of(template)
        has_reasoning = THINK[1] in template
        markers = (*(THINK if has_reasoning else ()), *(tool_format.markers if tool_format else ()))
        ids = {marker: tokenizer.added_token_id(marker) for marker in markers}
        written = [(marker, i) for marker, i in ids.items() if i is not None]
        symbols = {marker: marker_symbol(number) for number, (marker, _) in enumerate(written)}
        self._tokenizer = tokenizer
        self._marker_ids = [token_id for _, token_id in written]
        self._spelt = {symbol: marker for marker, symbol in symbols.items()}
        self._symbols = {i: symbols[marker] for marker, i in written}
        self._think_symbols = {i: symbols[marker] for marker, i in written if marker in THINK}
        self.tool_format = tool_format.with_symbols(symbols) if tool_format else None
        self.think = tuple(symbols.get(mark, mark) for mark in THINK) if has_reasoning else None

    def symbols(self, *, calls_tools: bool) -> Mapping[int, str]:
        """What a decoder is to write for the tokens that MessageParser looks for."""
        return self._symbols if calls_tools else self._think_symbols

    def begins_within_reasoning(self, prompt_ids: Sequence[int]) -> bool:
        """Some templates end the prompt with the mark that opens the reasoning."""
        if self.think is None:
            return False
        decoder = self._tokenizer.decoder(continues=True, symbols=self._think_symbols)
        tail = "".join(map(decoder.add, prompt_ids[-32:]))
        return tail.rstrip().endswith(self.think[0])

    def parser(self, *, within_reasoning: bool, calls_tools: bool) -> MessageParser | None:
        """One choice's; None where all it can say is text."""
        tool_format = self.tool_format if calls_tools else None
        if self.think is None and tool_format is None:
            return None
        return MessageParser(
            self.think, tool_format, within_reasoning=within_reasoning, spelt=self._spelt
        )

    def after_reasoning(self, body: GrammarSource, *, within_reasoning: bool) -> GrammarSource:
        """The grammar of an answer that may, or must go on to, reason before `body`."""
        if self.think is None:
            return body
        rules = ["start: " + self._reasoning(within_reasoning) + "@body", *self._rules()]
        text = "\n".join(rules)
        return dataclasses.replace(body, text=text, body=body.text, exits=self._exits())

    def calling(
        self,
        tools: Sequence[CallableTool],
        *,
        must_call: bool,
        parallel: bool,
        within_reasoning: bool,
        body: GrammarSource | None,
    ) -> GrammarSource:
        """The grammar of an answer that calls tools, or may: then it is free text up to the mark
        that opens a call, or `body` instead of a call. The model has a tool_format."""
        tool_format = self.tool_format
        assert tool_format is not None
        prefix = self._reasoning(within_reasoning)
        if must_call:
            start = f"start: {prefix}calls"
        elif body is not None:
            start = f"start: {prefix}( calls | @body )"
        else:
            start = f"start: {prefix}( {self._text_or_calls(tool_format)} )"
        rules = [
            start,
            *self._calls(tool_format, parallel=parallel),
            *self._tool_rules(tool_format, tools),
            *self._rules(),
        ]
        kept = None if must_call or body is None else body
        marks = tool_format.opening + tool_format.middle + tool_format.closing + tool_format.end
        growth = len(marks) + max(len(tool.name) + tool.arguments.size for tool in tools)
        patterns = [pattern for tool in tools for pattern in tool.arguments.patterns]
        return GrammarSource(
            "\n".join(rules),
            max(growth, kept.growth if kept else 0),
            kept.text if kept else "",
            patterns=(*patterns, *(kept.patterns if kept else ())),
            exits=self._exits(),
            is_foreign=kept.is_foreign if kept else False,
        )

    def _calls(self, tool_format: ToolFormat, *, parallel: bool) -> list[str]:
        """Rules: calls, and opened_calls for calls whose first mark is there already."""
        call = f"tool {self._literal(tool_format.closing)}"
        rest = call
        if parallel and tool_format.separator is not None:
            rest += f" ( {self._literal(tool_format.separator)} {call} )*"
        rest += f" {self._literal(tool_format.end)}"
        lead = self._literal(tool_format.optional_lead)
        lead = f"( {lead} )? " if lead else ""
        unopened = tool_format.opening.removeprefix(tool_format.markers[0])
        return [
            f"calls: {lead}{self._literal(tool_format.opening)} {rest}",
            f"opened_calls: {self._literal(unopened)} {rest}",
        ]

    def _text_or_calls(self, tool_format: ToolFormat) -> str:
        if tool_format.leads:
            return "UNLIKE_A_CALL? | calls"
        if tool_format.markers[0] in MARKER_SYMBOLS:
            return "TEXT? calls?"
        return "TEXT? | text_and_mark opened_calls"

    def _tool_rules(self, tool_format: ToolFormat, tools: Sequence[CallableTool]) -> list[str]:
        rules = ["tool: " + " | ".join(f"tool_{i}" for i in range(len(tools)))]
        for i, tool in enumerate(tools):
            name = self._literal(tool.name + tool_format.middle)
            rules.append(f"tool_{i}: {name} {json_expression(tool.arguments.schema)}")
        if tool_format.leads:
            first = re.escape(tool_format.opening[0])
            rules.append(f"UNLIKE_A_CALL: /[^{first}](?s:.*)/")
        elif tool_format.markers[0] not in MARKER_SYMBOLS:
            rules.append(f"text_and_mark[lazy]: /(?s:.*){_in_regex(tool_format.markers[0])}/")
        return rules

    def _reasoning(self, within: bool) -> str:
        """What may come before the answer proper, to be written in front of it."""
        if self.think is None:
            return ""
        return "thought GAP? " if within else "( think_open thought GAP? )? "

    def _rules(self) -> list[str]:
        rules = [TEXT_RULE]
        if self.think is not None:
            rules.append(GAP_RULE)
            rules.append(f"think_open: {self._literal(self.think[0])}")
            if self.think[1] in MARKER_SYMBOLS:
                rules.append(f"thought: TEXT? {self._literal(self.think[1])}")
            else:
                rules.append(f"thought[lazy]: /(?s:.*){_in_regex(self.think[1])}/")
        return rules

    def _exits(self) -> tuple[int | str, ...]:
        """What ends the reasoning."""
        if self.think is None:
            return ()
        ids = {symbol: token_id for token_id, symbol in self._think_symbols.items()}
        return (ids.get(self.think[1], self.think[1]),)

    def _literal(self, text: str) -> str:
        return literal(text, self._marker_ids)


def _in_regex(text: str) -> str:
    return re.escape(text).replace("/", r"\/")
