"""Anthropic's messages, over a runner that speaks from a script."""

import json

import anthropic
import pytest

TEXT = "Hello! How are you? I am fine."
TOOL = {
    "name": "get_weather",
    "description": "Tell the weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}


@pytest.fixture
def ask(client):
    async def ask(content="hi", **fields):
        messages = [{"role": "user", "content": content}]
        body = {"model": "pocket", "max_tokens": 60, "messages": messages} | fields
        return await client.post("/v1/messages", json=body)

    return ask


def events(response):
    assert response.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in response.text.strip().split("\n\n"):
        name, data = block.split("\n")
        fields = json.loads(data.removeprefix("data: "))
        assert name == f"event: {fields['type']}"
        found.append(fields)
    return found


def prompt_of(runner, tokenizer):
    return tokenizer.decode(runner.requests[-1].prompt_ids)


async def test_whole_answer(ask, runner):
    response = await ask()
    body = response.json()
    assert response.headers["request-id"] == response.headers["x-request-id"]
    assert body["id"].startswith("msg_")
    assert body["content"] == [{"type": "text", "text": TEXT}]
    assert (body["type"], body["role"], body["model"]) == ("message", "assistant", "pocket")
    assert (body["stop_reason"], body["stop_sequence"]) == ("end_turn", None)
    usage = body["usage"]
    num_prompt = len(runner.requests[0].prompt_ids)
    assert usage["input_tokens"] + usage["cache_read_input_tokens"] == num_prompt
    assert usage["cache_read_input_tokens"] == 4


async def test_a_stream_builds_the_whole_answer(ask):
    found = events(await ask(stream=True))
    kinds = [event["type"] for event in found]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(kinds[2:-3]) == {"content_block_delta"}
    assert found[0]["message"]["stop_reason"] is None
    assert "".join(event["delta"]["text"] for event in found[2:-3]) == TEXT
    whole = (await ask()).json()
    assert found[-2]["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert found[-2]["usage"] == whole["usage"]


@pytest.mark.parametrize("stream", [False, True])
async def test_the_stop_sequence_is_named(ask, stream):
    response = await ask(stop_sequences=["zzz", "are"], stream=stream)
    if stream:
        *_, last, _ = events(response)
        ending = last["delta"]
    else:
        ending = response.json()
        assert ending["content"][0]["text"] == "Hello! How "
    assert (ending["stop_reason"], ending["stop_sequence"]) == ("stop_sequence", "are")


async def test_a_limit_is_told(ask):
    assert (await ask(max_tokens=2)).json()["stop_reason"] == "max_tokens"


async def test_everything_reaches_the_prompt(client, runner, tokenizer):
    body = {
        "model": "pocket",
        "max_tokens": 9,
        "system": [{"type": "text", "text": "Be S.", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "U1"}]},
            {"role": "assistant", "content": "A1"},
            {"role": "user", "content": "U2"},
        ],
    }
    assert (await client.post("/v1/messages", json=body)).status_code == 200
    turns = prompt_of(runner, tokenizer)
    for role, text in [("system", "Be S."), ("user", "U1"), ("assistant", "A1"), ("user", "U2")]:
        assert f"{role}\n{text}" in turns
    counted = await client.post(
        "/v1/messages/count_tokens", json={k: v for k, v in body.items() if k != "max_tokens"}
    )
    assert counted.json() == {"input_tokens": len(runner.requests[0].prompt_ids)}


async def test_sampling_fields_reach_the_engine(ask, runner):
    await ask(temperature=0.5, top_k=7, top_p=0.9, max_tokens=11)
    params = runner.requests[0].params
    chosen = (params.temperature, params.top_k, params.top_p, params.max_tokens)
    assert chosen == (0.5, 7, 0.9, 11)


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 127}, "ask for at most"),
        ({"temperature": 3}, "temperature"),
        ({"stop_sequences": [""]}, "stop string of 0 characters"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "system", "content": "x"}]}, "user or assistant"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "begun answer"),
        ({"content": [{"type": "image", "source": {}}]}, "images and documents"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "thinking"),
        ({"mcp_servers": [{"url": "http://x"}]}, "mcp_servers is not supported"),
        ({"output_config": {"effort": "low"}}, "output_config.effort"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0]"),
        ({"tools": [TOOL, TOOL]}, "tools[1].name"),
        ({"tool_choice": {"type": "tool"}}, "name"),
        ({"surprise": 1}, "surprise"),
    ],
)
async def test_refusals_have_anthropics_shape(ask, client, runner, fields, part):
    if "content" in fields:
        fields = {"messages": [{"role": "user", "content": fields["content"]}]}
    response = await ask(**fields)
    body = response.json()
    assert response.status_code == 400, body
    assert list(body) == ["type", "error", "request_id"]
    assert body["type"] == "error"
    assert body["request_id"] == response.headers["request-id"]
    assert body["error"]["type"] == "invalid_request_error"
    assert part in body["error"]["message"]
    assert runner.requests == []


async def test_tools_need_a_model_that_calls_them(ask):
    error = (await ask(tools=[TOOL])).json()["error"]
    assert "tools are not supported" in error["message"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, anthropic.BadRequestError),
        (404, anthropic.NotFoundError),
        (429, anthropic.RateLimitError),
    ],
)
async def test_anthropics_client_understands(client, runner, status, expected):
    runner.is_full = status == 429
    body = {
        "model": "gpt-9" if status == 404 else "pocket",
        "max_tokens": 0 if status == 400 else 9,
        "messages": [{"role": "user", "content": "hi"}],
    }
    response = await client.post("/v1/messages", json=body)
    sdk = anthropic.Anthropic(api_key="-")
    error = sdk._make_status_error("", body=response.json(), response=response)
    assert isinstance(error, expected)
    assert response.status_code == status
    wrong = await client.get("/v1/messages")
    assert (wrong.status_code, wrong.json()["type"]) == (405, "error")


async def test_a_failure_in_mid_stream_is_an_event(ask, runner):
    runner.error_after = 2
    last = events(await ask(stream=True))[-1]
    assert last["type"] == "error"
    assert last["error"]["type"] == "api_error"
