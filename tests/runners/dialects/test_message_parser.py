"""However a text is cut into pieces, its parts are the same, and no text is lost."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners.dialects import tool_format as formats
from runners.dialects.message_parser import (
    CallArguments,
    CallBegin,
    Content,
    MessageParser,
    Reasoning,
)
from runners.grammars.source import marker_symbol

THINK = ("<think>", "</think>")
ARGUMENTS = '{"a": "}\\"{", "b": [{}, {"c": 1}]}'
CALL = '<tool_call>\n{"name": "f", "arguments": ' + ARGUMENTS + "}\n</tool_call>"
SECOND = '\n<tool_call>\n{"name": "g_2", "arguments": {}}\n</tool_call>'


def joined(parts):
    merged = []
    for part in parts:
        last = merged[-1] if merged else None
        if type(last) is type(part) and not isinstance(part, CallBegin):
            if isinstance(part, CallArguments):
                merged[-1] = CallArguments(part.index, last.text + part.text)
            else:
                merged[-1] = type(part)(last.text + part.text)
        else:
            merged.append(part)
    return merged


def parse(text, cuts=(), *, think=THINK, tools=formats.HERMES, within=False):
    parser = MessageParser(think, tools, within_reasoning=within)
    edges = [0, *sorted({cut % (len(text) + 1) for cut in cuts}), len(text)]
    parts = [part for a, b in itertools.pairwise(edges) for part in parser.add(text[a:b])]
    return joined(parts + parser.finish())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("hello", [Content("hello")]),
        ("  hello\n", [Content("  hello\n")]),
        ("a < b <tool", [Content("a < b <tool")]),
        ("<think>\nhm\n</think>\n\nyes", [Reasoning("hm"), Content("yes")]),
        ("\n<think></think>yes", [Content("yes")]),
        ("<think>no end", [Reasoning("no end")]),
        ("<thin", [Content("<thin")]),
        ("yes <think> no", [Content("yes <think> no")]),
        (CALL, [CallBegin(0, "f"), CallArguments(0, ARGUMENTS)]),
        ("Well. \n" + CALL, [Content("Well."), CallBegin(0, "f"), CallArguments(0, ARGUMENTS)]),
        (
            CALL + SECOND,
            [
                CallBegin(0, "f"),
                CallArguments(0, ARGUMENTS),
                CallBegin(1, "g_2"),
                CallArguments(1, "{}"),
            ],
        ),
        (CALL[:-20], [CallBegin(0, "f"), CallArguments(0, ARGUMENTS[:-5])]),
        (CALL[:22], []),
    ],
)
def test_parts(text, expected):
    if text == CALL[:-20]:
        expected = [CallBegin(0, "f"), CallArguments(0, CALL[:-20].partition('"arguments": ')[2])]
    assert parse(text) == expected
    assert parse(text, range(len(text))) == expected


PIECES = ["a", " ", "\n", "{", '"', *THINK, "<tool", "<", CALL, SECOND, "</think", "é"]


@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=12),
    cuts=st.lists(st.integers(0, 500), max_size=40),
    within=st.booleans(),
)
def test_cuts_change_nothing(pieces, cuts, within):
    text = "".join(pieces)
    assert parse(text, cuts, within=within) == parse(text, within=within)


@given(st.text(alphabet="ab <>tool_call/\n", max_size=60))
def test_text_that_is_no_call_comes_through_whole(text):
    if "<tool_call>\n{" not in text:
        parts = parse(text, range(len(text)), think=None)
        assert "".join(part.text for part in parts) == text


@pytest.mark.parametrize(
    ("tools", "text", "expected"),
    [
        (formats.LLAMA3, '{"name": "f", "parameters": {"a": 1}}', ["f", '{"a": 1}']),
        (formats.LLAMA3, '<|python_tag|>{"name": "f", "parameters": {}}', ["f", "{}"]),
        (formats.MISTRAL, '[TOOL_CALLS][{"name": "f", "arguments": {}}, '
         '{"name": "g", "arguments": {"b": "]"}}]', ["f", "{}", "g", '{"b": "]"}']),
        (formats.MISTRAL_SPACED, '[TOOL_CALLS] [{"name": "f", "arguments": {}}]', ["f", "{}"]),
        (formats.MISTRAL_ARGS, '[TOOL_CALLS]f[ARGS]{"x": []}[TOOL_CALLS]g[ARGS]{}',
         ["f", '{"x": []}', "g", "{}"]),
    ],
)  # fmt: skip
def test_other_families(tools, text, expected):
    for cuts in ((), range(len(text))):
        parts = parse(text, cuts, think=None, tools=tools)
        said = [part.name if isinstance(part, CallBegin) else part.text for part in parts]
        assert said == expected


def test_llama_text_that_only_looks_like_a_call():
    for text in ("{x", 'Look: {"name": "f", "parameters": {}}', "<|python_tag|>print(1)"):
        assert parse(text, range(len(text)), think=None, tools=formats.LLAMA3) == [Content(text)]


def test_symbols_that_turn_up_as_text_are_spelt_out():
    begin, end = map(marker_symbol, range(2))
    spelt = dict(zip((begin, end), THINK, strict=True))
    parser = MessageParser((begin, end), None, within_reasoning=False, spelt=spelt)
    parts = parser.add(f"{begin}a {begin} b{end}c {end}") + parser.finish()
    assert joined(parts) == [Reasoning("a <think> b"), Content("c </think>")]
