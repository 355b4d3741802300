"""Tools and reasoning in OpenAI's shapes; what is asked for, and what is refused. The runner speaks
from a script here: tests/e2e has the real thing."""

import json

import pytest

from runners.model_text import ModelText
from runners.tokenizer import Tokenizer
from tests.api.conftest import warmed

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
TIME = {"type": "function", "function": {"name": "get_time"}}
TOOLS = [WEATHER, TIME]
ARGUMENTS = '{"city": "Paris"}'
CALL = '<tool_call>\n{"name": "get_weather", "arguments": ' + ARGUMENTS + "}\n</tool_call>"
SECOND = '\n<tool_call>\n{"name": "get_time", "arguments": {}}\n</tool_call>'
HERMES = (
    "{% for m in messages %}<|im_start|>{{ m.role }}{{ m.content }}{{ m.reasoning_content }}"
    "{% for c in m.tool_calls or [] %}<tool_call>{{ c.function.name }}"
    "{{ c.function.arguments | tojson }}</tool_call>{% endfor %}<|im_end|>{% endfor %}"
    "{% if tools %}{{ tools | tojson }}{% endif %}"
)


@pytest.fixture(scope="module")
def text(byte_level_tokenizer):
    tokenizer = byte_level_tokenizer.__class__(
        tokenizer_object=byte_level_tokenizer.backend_tokenizer,
        eos_token="<|im_end|>",
        chat_template=HERMES + "{# <think></think> #}",
    )
    text = warmed(ModelText.of(Tokenizer(tokenizer), 430))
    yield text
    text.close()


@pytest.fixture
def say(runner, text):
    """Make the runner say something."""
    runner.limits = runner.limits.__class__(430, 4096, 8, 512, 16)

    def say(words):
        runner.script = lambda request, index: text.tokenizer.encode(words)

    return say


def events(response):
    assert response.status_code == 200, response.text
    lines = response.text.split("\n\n")[:-2]
    return [json.loads(line[6:])["choices"][0] for line in lines]


async def test_a_call(chat, say):
    say(CALL)
    choice = (await chat(tools=TOOLS)).json()["choices"][0]
    (call,) = choice["message"]["tool_calls"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert call["type"] == "function"
    assert call["id"].startswith("call_")
    assert call["function"] == {"name": "get_weather", "arguments": ARGUMENTS}


async def test_a_streamed_call_begins_with_its_name_and_goes_on_with_its_arguments(chat, say):
    say("Let me see. " + CALL + SECOND)
    chunks = events(await chat(tools=TOOLS, stream=True))
    deltas = [chunk["delta"] for chunk in chunks[1:-1]]
    assert "".join(delta.get("content", "") for delta in deltas) == "Let me see."
    calls = [delta["tool_calls"][0] for delta in deltas if "tool_calls" in delta]
    begun = [call for call in calls if "id" in call]
    assert [call["index"] for call in begun] == [0, 1]
    assert [call["function"] for call in begun] == [
        {"name": "get_weather", "arguments": ""},
        {"name": "get_time", "arguments": ""},
    ]
    assert len({call["id"] for call in begun}) == 2
    assert calls[0] is begun[0]
    for index, expected in enumerate((ARGUMENTS, "{}")):
        pieces = [call for call in calls if call["index"] == index][1:]
        assert "".join(piece["function"]["arguments"] for piece in pieces) == expected
        assert all("name" not in piece["function"] for piece in pieces)
    assert chunks[-1]["finish_reason"] == "tool_calls"


async def test_every_choice_has_its_own_calls(chat, say, runner, text):
    scripts = [CALL, "no call", CALL + SECOND]
    say("")
    runner.script = lambda request, index: text.tokenizer.encode(scripts[index])
    choices = (await chat(tools=TOOLS, n=3)).json()["choices"]
    assert [len(c["message"].get("tool_calls", ())) for c in choices] == [1, 0, 2]
    assert [c["finish_reason"] for c in choices] == ["tool_calls", "stop", "tool_calls"]
    assert choices[1]["message"] == {"role": "assistant", "content": "no call", "refusal": None}


async def test_a_call_that_is_cut_off_is_told_by_its_finish_reason(chat, say, text):
    say(CALL)
    limit = len(text.tokenizer.encode(CALL)) - 12
    choice = (await chat(tools=TOOLS, max_tokens=limit)).json()["choices"][0]
    assert choice["finish_reason"] == "length"
    assert ARGUMENTS.startswith(choice["message"]["tool_calls"][0]["function"]["arguments"])


async def test_logprobs_of_calls_are_not_lost(chat, say, text):
    say(CALL)
    chunks = events(await chat(tools=TOOLS, stream=True, logprobs=True))
    entries = [e for chunk in chunks if chunk["logprobs"] for e in chunk["logprobs"]["content"]]
    assert "".join(entry["token"] for entry in entries) == CALL


@pytest.mark.parametrize("stream", [False, True])
async def test_reasoning_is_told_apart(chat, say, stream):
    say("<think>\nfirst this\n</think>\n\nThen that.")
    response = await chat(stream=stream)
    if stream:
        deltas = [chunk["delta"] for chunk in events(response)]
        message = {
            field: "".join(delta.get(field, "") for delta in deltas)
            for field in ("reasoning_content", "content")
        }
    else:
        message = response.json()["choices"][0]["message"]
    assert message["reasoning_content"] == "first this"
    assert message["content"] == "Then that."


async def test_what_a_response_says_may_be_sent_back(client, chat, say):
    say("<think>hm</think>" + CALL)
    message = (await chat(tools=TOOLS)).json()["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "sunny"}
    messages = [{"role": "user", "content": "hi"}, message, result]
    body = {"model": "pocket", "messages": messages, "tools": TOOLS}
    response = await client.post("/v1/chat/completions", json=body)
    assert response.status_code == 200, response.text


async def test_the_model_is_told_of_tools_unless_it_may_call_none(chat, say, runner, text):
    say(CALL)
    for options in ({}, {"tool_choice": "required"}, {"tool_choice": "auto"}):
        await chat(tools=TOOLS, **options)
        assert "get_weather" in text.tokenizer.decode(runner.requests[-1].prompt_ids)
        assert runner.requests[-1].grammar is not None
    body = (await chat(tools=TOOLS, tool_choice="none")).json()
    assert body["choices"][0]["message"]["content"] == CALL
    assert "get_weather" not in text.tokenizer.decode(runner.requests[-1].prompt_ids)
    assert runner.requests[-1].grammar is None


FUNCTION = {"name": "f"}
LONG = {"type": "function", "function": FUNCTION | {"description": "x" * 300_000}}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tool_choice": "required", "tools": []}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": "always"}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": {"type": "function"}}, "tool_choice.function"),
        (
            {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "x"}}},
            "tool_choice",
        ),
        ({"tools": [WEATHER, WEATHER]}, "tools[1].function.name"),
        ({"tools": [{"type": "retrieval"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        (
            {"tools": [{"type": "function", "function": {"name": "a b"}}]},
            "tools[0].function.name",
        ),
        ({"tools": [TIME] * 129}, "tools"),
        ({"tools": [LONG]}, "tools"),
        (
            {"tools": [{"type": "function", "function": FUNCTION | {"parameters": {"not": {}}}}]},
            "tools[0].function.parameters.not",
        ),
        (
            {
                "tools": [
                    {"type": "function", "function": FUNCTION | {"parameters": {"type": "array"}}}
                ]
            },
            "tools[0].function.parameters.type",
        ),
        ({"tools": TOOLS, "ignore_eos": True}, "ignore_eos"),
        ({"tools": TOOLS, "parallel_tool_calls": "yes"}, "parallel_tool_calls"),
    ],
)  # fmt: skip
async def test_bad_tools_are_named(chat, say, runner, fields, param):
    say(CALL)
    response = await chat(**fields)
    assert response.status_code == 400, response.text
    assert response.json()["error"]["param"] == param
    assert runner.requests == []


async def test_a_model_without_a_known_form_of_calls_is_told(chat, served, byte_level_tokenizer):
    served.text = ModelText.of(Tokenizer(byte_level_tokenizer), 430)
    response = await chat(tools=TOOLS)
    assert response.json()["error"]["param"] == "tools"
    assert response.json()["error"]["code"] == "unsupported_parameter"
    served.text.close()
