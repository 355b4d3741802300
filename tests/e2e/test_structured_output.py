"""Tools and bound answers by the official client, from the bundled model over real sockets."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import jsonschema
import openai
import pytest
from pydantic import BaseModel

from benchmarks.schemas import schemas
from benchmarks.structured_output import judge

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 30}, "unit": {"enum": ["C", "F"]}},
    "required": ["city"],
}
MAIL = {
    "type": "object",
    "properties": {"recipient": {"type": "string"}, "urgent": {"type": "boolean"}},
    "required": ["recipient", "urgent"],
}
PARAMETERS = {"get_weather": WEATHER, "send_mail": MAIL}
TOOLS = [
    {
        "type": "function",
        "function": {"name": name, "description": name.replace("_", " "), "parameters": schema},
    }
    for name, schema in PARAMETERS.items()
]
QUESTION = "What is the weather in Paris?"
NAMED = {"type": "function", "function": {"name": "send_mail"}}


def check(calls):
    for call in calls:
        arguments = json.loads(call.function.arguments)
        jsonschema.validate(arguments, PARAMETERS[call.function.name])


def gathered(stream):
    """(content, calls as [id, name, arguments], finish reason) of a stream."""
    content, calls, reason = "", [], None
    for chunk in stream:
        choice = chunk.choices[0]
        content += choice.delta.content or ""
        for piece in choice.delta.tool_calls or ():
            if piece.id:
                assert piece.index == len(calls)
                assert piece.type == "function"
                calls.append([piece.id, piece.function.name, ""])
            calls[piece.index][2] += piece.function.arguments
        reason = choice.finish_reason or reason
    return content, calls, reason


def test_pocket_calls_the_tool_and_answers_from_its_result(client, ask):
    choice = ask(QUESTION, tools=TOOLS, max_tokens=100).choices[0]
    assert choice.finish_reason == "tool_calls"
    (call,) = choice.message.tool_calls
    assert call.function.name == "get_weather"
    check([call])
    messages = [
        {"role": "user", "content": QUESTION},
        choice.message,
        {"role": "tool", "tool_call_id": call.id, "content": '{"weather": "rain"}'},
    ]
    answer = client.chat.completions.create(
        model="pocket", messages=messages, tools=TOOLS, temperature=0, max_tokens=60
    )
    assert answer.choices[0].message.content


@pytest.mark.parametrize("choice", ["auto", "required", NAMED])
def test_a_streamed_call_is_the_whole_one(ask, choice):
    options = {"tools": TOOLS, "tool_choice": choice, "max_tokens": 100}
    whole = ask(QUESTION, **options).choices[0]
    with ask(QUESTION, stream=True, **options) as stream:
        content, calls, reason = gathered(stream)
    assert reason == whole.finish_reason == "tool_calls"
    assert content == (whole.message.content or "")
    assert [call[1:] for call in calls] == [
        [call.function.name, call.function.arguments] for call in whole.message.tool_calls
    ]
    check(whole.message.tool_calls)


@pytest.mark.parametrize("choice", ["required", NAMED])
def test_forced_calls_are_valid_at_temperature_1(ask, choice):
    answer = ask("Hello!", tools=TOOLS, tool_choice=choice, temperature=1, seed=3, n=8,
                 max_tokens=80)  # fmt: skip
    for made in answer.choices:
        assert made.finish_reason == "tool_calls"
        (call,) = made.message.tool_calls
        assert choice == "required" or call.function.name == "send_mail"
        check([call])


def test_parallel_calls_where_they_are_asked_for(ask):
    answer = ask(QUESTION, tools=TOOLS, tool_choice="required", parallel_tool_calls=True,
                 temperature=1.5, seed=1, n=8, max_tokens=200)  # fmt: skip
    for made in answer.choices:
        check(made.message.tool_calls)


def test_no_call_where_none_may_be_made(ask):
    choice = ask(QUESTION, tools=TOOLS, tool_choice="none").choices[0]
    assert choice.message.tool_calls is None
    assert choice.finish_reason != "tool_calls"


def test_small_talk_stays_text_though_there_are_tools(ask):
    choice = ask("Hello!", tools=TOOLS, tool_choice="auto", max_tokens=60).choices[0]
    assert choice.message.content or choice.message.tool_calls


class Pet(BaseModel):
    name: str
    kind: Literal["cat", "dog"]
    age: int
    friends: list[str]


def test_parse_with_pydantic(client):
    messages = [{"role": "user", "content": "Tom is a cat of 3 years."}]
    for seed in range(4):
        completion = client.chat.completions.parse(
            model="pocket", messages=messages, response_format=Pet, temperature=1, seed=seed,
            max_tokens=60,
        )  # fmt: skip
        choice = completion.choices[0]
        assert choice.finish_reason == "stop"
        assert isinstance(choice.message.parsed, Pet)


@pytest.mark.parametrize(
    ("bound", "matches"),
    [
        ({"regex": "[a-z]{2}-[0-9]{3}"}, r"^[a-z]{2}-[0-9]{3}$"),
        ({"choice": ["red", "green"]}, "^(red|green)$"),
        ({"grammar": 'start: "a"+ ("b" | "c")'}, "^a+[bc]$"),
        ({"grammar": 'root ::= "x" [0-9] [0-9]'}, "^x[0-9]{2}$"),
    ],
)
def test_regex_choice_and_grammar(client, ask, bound, matches):
    answer = ask("Say it.", temperature=1, n=4, extra_body=bound)
    for choice in answer.choices:
        assert re.match(matches, choice.message.content), choice.finish_reason
        assert choice.finish_reason == "stop"
    completion = client.completions.create(
        model="pocket", prompt="Say it: ", max_tokens=24, extra_body=bound
    )
    assert re.match(matches, completion.choices[0].text)


@pytest.mark.parametrize(("kind", "schema"), [*schemas(25, seed=7)], ids=lambda v: str(v)[:24])
def test_schemas(ask, kind, schema):
    """A short sample; benchmarks.structured_output has hundreds."""
    bound = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    options = {"response_format": bound, "temperature": 1, "seed": 5, "max_tokens": 200}
    whole = ask("Make something up.", **options).choices[0]
    assert not judge(schema, whole.message.content)
    with ask("Make something up.", stream=True, **options) as stream:
        assert gathered(stream)[0] == whole.message.content


def test_many_at_once_get_what_each_gets_alone(ask):
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": WEATHER}}
    options = [{"response_format": schema}, {"tools": TOOLS, "tool_choice": "required"}, {}]

    def one(i):
        message = ask(f"What is {i}?", temperature=1, seed=i, max_tokens=40, **options[i % 3])
        message = message.choices[0].message
        return message.content, [c.function.arguments for c in message.tool_calls or ()]

    alone = [one(i) for i in range(12)]
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(one, range(12))) == alone


def test_bombs_are_refused_while_others_are_answered(ask, idle):
    bombs = [{"regex": f"(a{{{90000 + i}}}){{99999}}"} for i in range(2)]
    deep = {"type": "string"}
    for _ in range(60):
        deep = {"type": "array", "items": deep, "minItems": 1}
    with ThreadPoolExecutor(4) as pool:
        stream = pool.submit(
            lambda: ask("Tell me a story.", max_tokens=300, extra_body={"ignore_eos": True})
        )
        refusals = [pool.submit(ask, "x", extra_body=bomb) for bomb in bombs]
        for refusal in refusals:
            assert isinstance(refusal.exception(), openai.BadRequestError | openai.APIStatusError)
            assert refusal.exception().status_code in (400, 503)
        assert stream.result().usage.completion_tokens == 300
    started_s = time.monotonic()
    bound = {"type": "json_schema", "json_schema": {"name": "x", "schema": deep}}
    assert ask("x", response_format=bound, max_tokens=200).choices[0].message.content
    assert time.monotonic() - started_s < 30
    idle()


def test_leaving_a_bound_stream_frees_it(post, idle, metric):
    with post(stream=True, ignore_eos=False, tools=TOOLS, tool_choice="required") as response:
        next(response.iter_lines())
    idle()
