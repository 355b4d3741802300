"""What an answer may be bound to: which grammar reaches the engine, and what is refused."""

import json

import pytest

from runners.engine.request import FinishReason, SequenceOutput

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


def named(schema=SCHEMA, **fields):
    return {"type": "json_schema", "json_schema": {"name": "x", "schema": schema} | fields}


@pytest.mark.parametrize(
    "fields",
    [
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_object", "schema": SCHEMA}},
        {"response_format": named(strict=True, description="d")},
        {"regex": "a+"},
        {"choice": ["a", "b"]},
        {"grammar": 'start: "a"'},
        {"grammar": 'root ::= "a"', "response_format": {"type": "text"}},
    ],
)
async def test_a_grammar_reaches_the_engine(chat, complete, runner, fields):
    for ask in (chat, complete):
        assert (await ask(**fields)).status_code == 200
        assert runner.requests[-1].grammar is not None
    again = runner.requests[-1].grammar
    await complete(**fields)
    assert runner.requests[-1].grammar is again, "it was compiled twice"


@pytest.mark.parametrize("fields", [{}, {"response_format": {"type": "text"}}, {"regex": None}])
async def test_what_binds_nothing_brings_no_grammar(chat, runner, fields):
    assert (await chat(**fields)).status_code == 200
    assert runner.requests[-1].grammar is None


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"response_format": "json"}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": named(name="a b")}, "response_format.json_schema.name"),
        ({"response_format": named(extra=1)}, "response_format.json_schema.extra"),
        (
            {"response_format": named({"type": "object", "properties": {"b": {"not": {}}}})},
            "response_format.json_schema.schema.properties.b.not",
        ),
        (
            {"response_format": {"type": "json_object", "schema": {"$ref": "http://a/b"}}},
            "response_format.schema.$ref",
        ),
        (
            {"response_format": named({"minimum": 5, "maximum": 4, "type": "integer"})},
            "response_format",
        ),
        ({"regex": ""}, "regex"),
        ({"regex": "(a"}, "regex"),
        ({"regex": "a" * 20_000}, "regex"),
        ({"choice": []}, "choice"),
        ({"choice": [""]}, "choice[0]"),
        ({"choice": ["x"] * 2000}, "choice"),
        ({"choice": "yes"}, "choice"),
        ({"grammar": "start: ("}, "grammar"),
        ({"grammar": 5}, "grammar"),
        ({"regex": "a", "choice": ["b"]}, "choice"),
        ({"regex": "a", "response_format": {"type": "json_object"}}, "regex"),
        ({"regex": "a", "ignore_eos": True}, "ignore_eos"),
    ],
)
async def test_bad_constraints_are_named(chat, complete, runner, fields, param):
    for ask in (chat, complete):
        response = await ask(**fields)
        assert response.status_code == 400, response.text
        error = response.json()["error"]
        assert error["param"] == param
        assert error["message"]
    assert runner.requests == []


async def test_a_bomb_is_a_callers_fault(chat, runner):
    response = await chat(regex="(a{100000}){100000}")
    assert response.status_code in (400, 503)
    assert runner.requests == []


@pytest.mark.parametrize("stream", [False, True])
async def test_a_grammar_that_gives_up_is_a_callers_fault(chat, runner, monkeypatch, stream):
    def generate(request, generate=runner.generate):
        stream = generate(request)
        stream.feed(
            SequenceOutput(
                request.request_id, 0, finish_reason=FinishReason.GRAMMAR, error="it is slow"
            )
        )
        return stream

    monkeypatch.setattr(runner, "generate", generate)
    response = await chat(regex="a+", stream=stream)
    assert response.status_code == (200 if stream else 400)
    text = response.text.rstrip().rpartition("data: ")[2] if stream else response.text
    error = json.loads(text)["error"]
    assert error["type"] == "invalid_request_error"
    assert "it is slow" in error["message"]


async def test_the_end_of_a_grammar_is_a_stop_whose_last_token_counts(chat, runner, tokenizer):
    ids = tokenizer.encode("yes")

    def generate(request, generate=runner.generate):
        runner.gate.clear()
        stream = generate(request)
        stream.feed(SequenceOutput(request.request_id, 0, ids, finish_reason=FinishReason.COMPLETE))
        return stream

    runner.generate = generate
    choice = (await chat(choice=["yes", "no"])).json()["choices"][0]
    assert choice["message"]["content"] == "yes"
    assert choice["finish_reason"] == "stop"


async def test_a_tokenizer_that_cannot_be_bound_is_told(chat, served, text):
    served.text = type(text)(text.tokenizer, text.dialect, None)
    response = await chat(regex="a")
    assert response.json()["error"]["code"] == "unsupported_parameter"
    assert response.json()["error"]["param"] == "regex"
    assert (await chat()).status_code == 200
