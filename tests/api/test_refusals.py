"""Whatever a client sends is answered in OpenAI's shape, with a status that says whose fault."""

import gzip
import json

import openai
import pytest

from runners.runner import RunnerState

CHAT = "/v1/chat/completions"
HI = {"model": "pocket", "messages": [{"role": "user", "content": "hi"}]}


def refusal(response, status):
    assert response.status_code == status, response.text
    assert response.headers["x-request-id"].startswith("req_")
    body = response.json()
    assert list(body) == ["error"]
    assert list(body["error"]) == ["message", "type", "param", "code"]
    return body["error"]


def each(field, *values):
    return [(field, value) for value in values]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *each("n", 0, -1, 10**9, 2**63, 10**40, "2", 1.5, True, []),
        *each("max_tokens", -1, 0, 129, 10**12, "9"),
        *each("temperature", -1, 2.1, "hot"),
        *each("top_p", 0, 1.1, -0.1),
        *each("min_tokens", -1, 1000),
        *each("stop", "", [""], ["x"] * 10_000, "x" * 10**5, [1], {}),
        *each("logit_bias", {"x": 1}, {"-1": 1}, {"500": 1}, {"5": 101}, []),
        *each("logit_bias", {str(token_id): 1 for token_id in range(2000)}),
        *each("stop_token_ids", [430], [-1], ["a"], list(range(100))),
        *each("top_k", -1, 1.5),
        *each("min_p", 1.5),
        *each("seed", 2**63, 0.5),
        *each("priority", 2**31, "high"),
        *each("top_logprobs", 21, -1),
        *each("messages", [], "hi", None, [[]]),
        *each("stream", "yes", 1),
        *each("model", None, 5),
        *each("metadata", {"a": 1}),
    ],
)
async def test_bad_values_are_named(chat, runner, field, value):
    error = refusal(await chat(**{"logprobs": True, field: value}), 400)
    assert error["type"] == "invalid_request_error"
    assert error["param"].startswith(field)
    assert field in error["message"] or error["code"] == "context_length_exceeded"
    assert runner.requests == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("functions", [{"name": "f"}]),
        ("audio", {"voice": "x"}),
        ("modalities", ["text", "audio"]),
        ("prediction", {}),
        ("reasoning_effort", "low"),
        ("web_search_options", {}),
        ("store", True),
        ("service_tier", "flex"),
    ],
)
async def test_what_is_not_honoured_is_refused_by_name(chat, field, value):
    error = refusal(await chat(**{field: value}), 400)
    assert (error["param"], error["code"]) == (field, "unsupported_parameter")
    assert (await chat(**{field: None})).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [], "tool_choice": "none", "parallel_tool_calls": True},
        {"response_format": {"type": "text"}, "modalities": ["text"]},
        {"store": False, "service_tier": "auto", "user": "u", "prompt_cache_key": "k"},
        {"n": None, "temperature": None, "stop": None, "stream": None, "logit_bias": None},
    ],
)
async def test_fields_that_ask_for_nothing_are_taken(chat, fields):
    assert (await chat(**fields)).status_code == 200


async def test_unknown_fields_are_named(chat):
    error = refusal(await chat(temprature=1), 400)
    assert (error["param"], error["code"]) == ("temprature", "unknown_parameter")


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "wizard", "content": "x"}, "messages[0]"),
        ({"role": "user"}, "messages[0].content"),
        ({"role": "user", "content": 5}, "messages[0].content"),
        ({"role": "user", "content": [{"type": "image_url"}]}, "messages[0].content[0].type"),
        ({"role": "assistant"}, "messages[0]"),
        ({"role": "user", "content": "x", "mood": "y"}, "messages[0].mood"),
        ({"role": "tool", "content": "x"}, "messages[0].tool_call_id"),
    ],
)
async def test_bad_messages_are_located(chat, message, param):
    assert refusal(await chat(messages=[message]), 400)["param"] == param


@pytest.mark.parametrize(
    "fields",
    [
        {"best_of": 2},
        {"prompt": ["x"] * 100, "n": 2},
        {"suffix": "x"},
        {"echo": True, "logprobs": 1},
        {"logprobs": 21},
        {"prompt": [5000]},
        {"prompt": [-1]},
        {"prompt": []},
        {"prompt": [[]]},
        {"prompt": ""},
        {"prompt": [1, "x"]},
        {"prompt": ["x"] * 100_000},
        {"prompt": None},
    ],
)
async def test_bad_completions(complete, runner, fields):
    body = {"prompt": "hi"} | fields
    refusal(await complete(**body), 400)
    assert runner.requests == []


BODIES = {
    "empty": b"",
    "truncated": b'{"model": "pocket", "messages": [',
    "not an object": b"[1]",
    "duplicate keys": b'{"model": "pocket", "model": "pocket"}',
    "deep": b'{"model": ' + b"[" * 50_000,
    "NaN": b'{"model": "pocket", "temperature": NaN}',
    "overflow": json.dumps(HI).encode()[:-1] + b', "temperature": 1e400}',
    "huge integer": json.dumps(HI).encode()[:-1] + b', "n": ' + b"9" * 5000 + b"}",
    "invalid UTF-8": b'{"model": "\xff"}',
    "lone surrogate": b'{"model": "\\ud800"}',
    "NUL": json.dumps(HI).encode().replace(b"hi", b"h\\u0000i"),
}


@pytest.mark.parametrize("name", BODIES)
async def test_broken_bodies(client, name):
    headers = {"content-type": "application/json"}
    refusal(await client.post(CHAT, content=BODIES[name], headers=headers), 400)


async def test_bodies_over_the_limit_are_refused_while_they_arrive(client):
    num_sent = 0

    async def endless():
        nonlocal num_sent
        while True:
            num_sent += 1
            yield b" " * 10_000

    headers = {"content-type": "application/json"}
    error = refusal(await client.post(CHAT, content=endless(), headers=headers), 413)
    assert "2000000 bytes" in error["message"]
    assert num_sent < 220
    refusal(await client.post(CHAT, content=b" " * 2_000_001, headers=headers), 413)


@pytest.mark.parametrize("headers", [{"content-encoding": "gzip"}, {"content-type": "text/plain"}])
async def test_compressed_or_foreign_bodies(client, headers):
    body = gzip.compress(json.dumps(HI).encode())
    headers = {"content-type": "application/json"} | headers
    refusal(await client.post(CHAT, content=body, headers=headers), 415)


@pytest.mark.parametrize(
    "path", ["/", "/v2/models", "//v1/models", "/v1/%2e%2e/v1/models", "/V1/models", "/v1/models/"]
)
async def test_unknown_routes(client, path):
    refusal(await client.get(f"http://kamado{path}"), 404)


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/v1/audio/speech", "audio"),
        ("/v1/images/generations", "images"),
        ("/v1/fine_tuning/jobs", "fine-tuning"),
        ("/v1/moderations", "moderation"),
        ("/v1/assistants", "Assistants"),
        ("/v1/threads/t/runs", "Assistants"),
        ("/v1/vector_stores", "vector stores"),
        ("/v1/realtime", "Realtime"),
    ],
)
async def test_routes_that_others_have_are_refused_by_name(client, path, what):
    error = refusal(await client.post(path, json={}), 404)
    assert error["code"] == "unsupported_route"
    assert what in error["message"]
    assert path in error["message"]


async def test_wrong_methods(client):
    refusal(await client.get(CHAT), 405)
    refusal(await client.post("/v1/models", json={}), 405)


async def test_models(client):
    listed = (await client.get("/v1/models")).json()
    assert listed["object"] == "list"
    assert listed["data"] == [(await client.get("/v1/models/pocket")).json()]
    assert listed["data"][0]["id"] == "pocket"
    for name in ("gpt-9", "../../etc/passwd", "file:///etc/passwd"):
        assert refusal(await client.get(f"/v1/models/{name}"), 404)["code"]


async def test_unknown_model(chat):
    assert refusal(await chat(model="gpt-9"), 404)["code"] == "model_not_found"


@pytest.mark.parametrize("num_words", [300, 30_000])
async def test_too_long_a_prompt_is_told_the_numbers(chat, complete, num_words):
    for ask, param in ((chat, "messages"), (complete, "prompt")):
        error = refusal(await ask("dog " * (num_words // 2)), 400)
        assert (error["code"], error["param"]) == ("context_length_exceeded", param)
        assert "12" in error["message"]


async def test_more_tokens_than_the_context_leaves(chat):
    error = refusal(await chat(max_completion_tokens=125), 400)
    assert error["code"] == "context_length_exceeded"
    assert error["param"] == "max_completion_tokens"


async def test_full_queue(chat, runner):
    runner.is_full = True
    response = await chat()
    assert refusal(response, 429)["code"] == "queue_full"
    assert response.headers["retry-after"] == "3"


@pytest.mark.parametrize("state", [RunnerState.LOADING, RunnerState.CLOSED, RunnerState.FAILED])
async def test_not_ready(chat, client, runner, state):
    runner.state = state
    response = await chat()
    refusal(response, 503)
    assert int(response.headers["retry-after"]) >= 1
    assert (await client.get("/v1/models")).status_code == 200


async def test_several_prompts_are_queued_all_or_none(complete, runner):
    def generate(request, generate=runner.generate):
        runner.is_full = bool(runner.requests)
        return generate(request)

    runner.gate.clear()
    runner.generate = generate
    refusal(await complete(["a", "b"]), 429)
    assert [index for _, index in runner.aborted] == [0]


async def test_a_sequence_that_fails_is_our_fault(chat, runner):
    runner.error_after = 2
    assert refusal(await chat(), 500)["type"] == "server_error"
    response = await chat(stream=True)
    assert response.status_code == 200
    last = response.text.rstrip().rpartition("data: ")[2]
    assert json.loads(last)["error"]["type"] == "server_error"
    assert "[DONE]" not in response.text


async def test_an_unforeseen_error_tells_nothing_of_itself(chat, runner, caplog):
    def generate(request):
        raise RuntimeError("secret")

    runner.generate = generate
    assert "secret" not in refusal(await chat(), 500)["message"]
    assert "secret" in caplog.text


@pytest.mark.parametrize(
    ("status", "expected"),
    [(400, openai.BadRequestError), (404, openai.NotFoundError), (429, openai.RateLimitError)],
)
async def test_openais_client_understands(client, runner, status, expected):
    runner.is_full = status == 429
    sdk = openai.AsyncOpenAI(
        api_key="-", base_url="http://kamado/v1", http_client=client, max_retries=0
    )
    with pytest.raises(expected) as caught:
        await sdk.chat.completions.create(
            model="gpt-9" if status == 404 else "pocket",
            messages=[{"role": "user", "content": "hi"}],
            temperature=5 if status == 400 else 1,
        )
    assert caught.value.request_id
    assert caught.value.body["message"]
