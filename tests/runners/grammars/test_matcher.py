"""Answers drawn from a grammar at random keep to it, and end in time."""

import re

import pytest

from benchmarks.schemas import schemas
from benchmarks.structured_output import judge
from runners.engine.grammar import GrammarError
from runners.grammars.json_schema import schema_source
from runners.grammars.matcher import START_ALLOWANCE_S
from runners.grammars.source import from_choice, from_grammar, from_regex


@pytest.mark.parametrize(("kind", "schema"), [*schemas(50, seed=1)], ids=lambda v: str(v)[:24])
def test_any_tokens_that_are_allowed_make_a_value_of_the_schema(
    compiled, draw, pocket, kind, schema
):
    grammar = compiled(schema_source(schema, "s"))
    for seed, max_tokens in enumerate((60, 150)):
        if len(grammar.shortest) <= max_tokens:
            ids, _ = draw(grammar, max_tokens, seed)
            assert not judge(schema, pocket.decode(ids))


def test_an_answer_has_as_few_tokens_as_are_given(compiled, draw, pocket):
    person = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    schema = {"type": "array", "items": person, "minItems": 1}
    grammar = compiled(schema_source(schema, "s"))
    least = len(grammar.shortest)
    for max_tokens in range(least, least + 40):
        ids, reason = draw(grammar, max_tokens, seed=max_tokens)
        assert reason == "complete"
        assert not judge(schema, pocket.decode(ids))


def test_less_than_the_shortest_answer_is_cut_off(compiled, draw):
    grammar = compiled(schema_source({"const": "a long constant that has many tokens"}, "s"))
    assert draw(grammar, 3, seed=0)[1] == "length"


@pytest.mark.parametrize(
    "pattern", ["[a-z]{3}-[0-9]+", "a/b", r"a\/b", "(yes|no)!", "x\ny", r"[a-z]+@\w+\.com", "^abc$"]
)
def test_regexes(compiled, draw, pocket, pattern):
    grammar = compiled(from_regex(pattern))
    for seed in range(5):
        ids, reason = draw(grammar, 40, seed)
        assert re.fullmatch(pattern, pocket.decode(ids)), reason


def test_choices(compiled, draw, pocket):
    choices = ["yes", "no", 'say "hi"', "new\nline", "日本", "back\\slash", "yes, but"]
    grammar = compiled(from_choice(choices))
    said = {pocket.decode(draw(grammar, 40, seed)[0]) for seed in range(60)}
    assert said == set(choices)


@pytest.mark.parametrize("text", ['start: "a"+ "b"', 'root ::= "a"+ "b"'])
def test_grammars_in_either_notation(compiled, draw, pocket, text):
    grammar = compiled(from_grammar(text))
    assert re.fullmatch("a+b", pocket.decode(draw(grammar, 30, seed=0)[0]))


@pytest.mark.parametrize(
    "source",
    [
        from_grammar("start: A\nA: /a/ & /b/"),
        from_grammar('start: start "a"'),
        from_grammar("start: ("),
        from_grammar("root ::= (("),
        from_regex("(a"),
        from_regex("(?=a)b"),
    ],
)
def test_grammars_that_are_wrong_or_admit_nothing(compiled, source):
    with pytest.raises(Exception, match=r"."):  # GBNF's reader has errors of its own
        compiled(source)


def test_a_grammar_that_is_slow_to_use_is_given_up(compiled, draw, monkeypatch):
    grammar = compiled(schema_source({"type": "object"}, "s"))
    monkeypatch.setattr("runners.grammars.matcher.TOKEN_ALLOWANCE_S", -START_ALLOWANCE_S)
    with pytest.raises(GrammarError, match="too long"):
        draw(grammar, 100, seed=0)
    assert "too long" in grammar.fault
