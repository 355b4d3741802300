"""A grammar in llguidance's own notation, ready to be compiled, and how it is written."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

JSON_STYLE = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""As Python's json.dumps writes it, and as tool calls are written in the prompts of most models.
Fixed whitespace forces most punctuation, and leaves a model no way to dawdle."""

MARKER_SYMBOLS = "".join(map(chr, range(0xDC00, 0xDC10)))
"""Characters that stand for tokens in a text. They are lone surrogates: decoded text never has
any."""
_MARKER = re.compile(f"([{MARKER_SYMBOLS}])")


def marker_symbol(number: int) -> str:
    return MARKER_SYMBOLS[number]


@dataclass(frozen=True, slots=True)
class GrammarSource:
    """Equal sources compile to equal grammars."""

    text: str
    """A Lark grammar."""
    growth: int = 8
    """About how many tokens one token can add to the shortest way to the end: by beginning
    something that must be finished."""
    body: str = ""
    """A second grammar, which `text` names @body."""
    patterns: tuple[str, ...] = ()
    """Regexes that strings in it must match: where to look for a way out of such a string."""
    exits: tuple[int | str, ...] = ()
    """Tokens or texts that end a stretch of free text."""
    is_foreign: bool = False
    """The body, or the text if there is none, is the caller's: it may be in GBNF."""


def literal(text: str, marker_ids: Sequence[int] = ()) -> str:
    """The Lark expression for exactly this text, marker symbols being their tokens."""
    pieces = [piece for piece in _MARKER.split(text) if piece]
    return " ".join(
        f"<[{marker_ids[MARKER_SYMBOLS.index(piece)]}]>"
        if _MARKER.fullmatch(piece)
        else _quoted(piece)
        for piece in pieces
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def json_expression(schema: Mapping[str, Any]) -> str:
    """The Lark expression for a value of this schema."""
    return "%json " + json.dumps({"x-guidance": JSON_STYLE, **schema}, ensure_ascii=False)


def from_schema(schema: Mapping[str, Any], growth: int, patterns: tuple[str, ...]) -> GrammarSource:
    return GrammarSource(f"start: {json_expression(schema)}", growth, patterns=patterns)


def from_regex(pattern: str) -> GrammarSource:
    """The whole answer matches; the syntax is that of Rust's regex, without look-around."""
    escaped = re.sub(r"\\.|/", lambda found: r"\/" if found[0] == "/" else found[0], pattern)
    return GrammarSource("start: /" + escaped.replace("\n", r"\n") + "/")


def from_choice(choices: Sequence[str]) -> GrammarSource:
    return GrammarSource("start: " + " | ".join(map(_quoted, choices)), max(map(len, choices)))


def from_grammar(text: str) -> GrammarSource:
    return GrammarSource(text, is_foreign=True)
