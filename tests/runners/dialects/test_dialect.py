"""For every family: whatever is drawn from its grammar, taken apart again, is calls of the tools
with arguments of their schemas."""

import json

import jsonschema
import pytest

from runners.dialects.dialect import CallableTool
from runners.dialects.message_parser import CallArguments, CallBegin, Content, Reasoning
from runners.grammars.json_schema import checked_schema, schema_source

CITY = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 8}},
        "required": ["city"]}  # fmt: skip
SUM = {"type": "object", "properties": {"of": {"type": "array", "items": {"type": "integer"},
       "maxItems": 3}, "note": {"enum": ["}", "{\"", "[]"]}}, "required": ["of"]}  # fmt: skip
SCHEMAS = {"get": CITY, "get_weather": CITY, "sum-1": SUM}
TOOLS = [CallableTool(name, checked_schema(schema, "s")) for name, schema in SCHEMAS.items()]
CALLING = ["qwen", "hermes", "llama", "llama without its mark", "mistral", "nemo", "small",
           "thinking", "thinking in plain text"]  # fmt: skip


def answer(family, draw, *, seed, max_tokens=120, opening="", within=False, **options):
    """(parts, raw text, how it ended) of a drawn answer."""
    options = {"must_call": True, "parallel": False, "body": None} | options
    source = family.dialect.calling(TOOLS, within_reasoning=within, **options)
    ids = family.tokenizer._backend.encode(opening, add_special_tokens=False).ids
    grammar = family.compiled(source)
    ids, reason = draw(grammar, max_tokens, seed, opening=ids, family=family)
    text = family.text(ids)
    return parsed(family, text, within), text, reason


def parsed(family, text, within=False):
    parser = family.dialect.parser(within_reasoning=within, calls_tools=True)
    return [*parser.add(text), *parser.finish()]


def calls_of(parts):
    calls = [[part.name, ""] for part in parts if isinstance(part, CallBegin)]
    for part in parts:
        if isinstance(part, CallArguments):
            calls[part.index][1] += part.text
    return [(name, json.loads(arguments)) for name, arguments in calls]


def check(calls):
    for name, arguments in calls:
        jsonschema.validate(arguments, SCHEMAS[name])


@pytest.mark.parametrize("name", CALLING)
def test_a_forced_call_is_one_call(families, draw, name):
    names = set()
    for seed in range(12):
        parts, text, reason = answer(families[name], draw, seed=seed)
        calls = calls_of(parts)
        assert len(calls) == 1, text
        assert not any(isinstance(part, Content) for part in parts)
        assert reason in ("stop", "complete")
        check(calls)
        names.add(calls[0][0])
    assert names == set(SCHEMAS)


@pytest.mark.parametrize("name", [name for name in CALLING if "llama" not in name])
def test_parallel_calls(families, draw, name):
    counts = set()
    for seed in range(8):
        calls = calls_of(answer(families[name], draw, seed=seed, parallel=True, max_tokens=300)[0])
        check(calls)
        counts.add(len(calls))
    assert max(counts) > 1


@pytest.mark.parametrize(
    ("name", "opening"),
    [
        ("qwen", "Sure.\n<tool_call>"),
        ("hermes", "Sure.\n<tool_call>"),
        ("llama", '{"'),
        ("llama", "<|python_tag|>"),
        ("mistral", "Sure.[TOOL_CALLS]"),
        ("small", "Sure.[TOOL_CALLS]"),
        ("thinking", "<think>\nhm\n</think>\n\nSure.\n<tool_call>"),
        ("thinking in plain text", "<think>\nhm\n</think>\n\nSure.\n<tool_call>"),
    ],
)
def test_text_is_free_until_a_call_is_opened(families, draw, name, opening):
    for seed in range(6):
        parts, text, _ = answer(families[name], draw, seed=seed, must_call=False, opening=opening)
        calls = calls_of(parts)
        assert len(calls) == 1, text
        check(calls)
        content = "".join(part.text for part in parts if isinstance(part, Content))
        assert content == ("Sure." if "Sure" in opening else "")
        thought = "".join(part.text for part in parts if isinstance(part, Reasoning))
        assert thought == ("hm" if "hm" in opening else "")


@pytest.mark.parametrize("name", CALLING)
def test_text_without_a_call_stays_text(families, draw, name):
    opening = "It is {5} <tool"
    parts, text, reason = answer(
        families[name], draw, seed=1, must_call=False, opening=opening, max_tokens=30
    )
    if not calls_of(parts):
        assert "".join(part.text for part in parts) == text
    assert text.startswith(opening)
    assert reason in ("length", "stop")


@pytest.mark.parametrize("name", ["qwen", "small", "thinking"])
def test_calls_beside_an_answer_of_a_schema(families, draw, name):
    body = schema_source({"const": {"answer": 5}}, "s")
    kinds = set()
    for seed in range(20):
        parts, text, _ = answer(families[name], draw, seed=seed, must_call=False, body=body)
        calls = calls_of(parts)
        check(calls)
        said = "".join(part.text for part in parts if isinstance(part, Content))
        assert bool(calls) != (said == '{"answer": 5}'), text
        kinds.add(bool(calls))
    assert kinds == {True, False}


@pytest.mark.parametrize("name", ["thinking", "thinking in plain text", "r1"])
@pytest.mark.parametrize("within", [False, True])
def test_a_schema_binds_what_follows_the_reasoning(families, draw, name, within):
    family = families[name]
    body = schema_source({"const": {"answer": 5}}, "s")
    source = family.dialect.after_reasoning(body, within_reasoning=within)
    opening = "so it is {5\n</think>" if within else "<think>so it is {5\n</think>"
    ids = family.tokenizer._backend.encode(opening, add_special_tokens=False).ids
    ids, reason = draw(family.compiled(source), 80, 0, opening=ids, family=family)
    parser = family.dialect.parser(within_reasoning=within, calls_tools=False)
    parts = [*parser.add(family.text(ids, calls_tools=False)), *parser.finish()]
    assert reason in ("complete", "stop")
    assert parts == [Reasoning("so it is {5"), Content('{"answer": 5}')]


def test_reasoning_is_closed_in_time_too(families, draw):
    family = families["r1"]
    body = schema_source({"const": 5}, "s")
    source = family.dialect.after_reasoning(body, within_reasoning=True)
    for seed in range(5):
        ids, _ = draw(family.compiled(source), 40, seed, family=family)
        parser = family.dialect.parser(within_reasoning=True, calls_tools=False)
        parts = [*parser.add(family.text(ids, calls_tools=False)), *parser.finish()]
        assert parts[-1] == Content("5")


def test_where_the_prompt_ends_in_reasoning(families):
    for name, expected in (("r1", True), ("thinking", False), ("qwen", False)):
        family = families[name]
        prompt = family.tokenizer.encode_chat([{"role": "user", "content": "hi <think>"}])
        assert family.dialect.begins_within_reasoning(prompt) == expected


def test_without_marks_there_is_nothing_to_parse(families):
    assert families["qwen"].dialect.parser(within_reasoning=False, calls_tools=False) is None
