"""OpenAI's Responses API, over a runner that speaks from a script."""

import asyncio
import json

import httpx
import pytest
from starlette.routing import Router

from api.delivery import DeliveryLimits
from api.front_door import FrontDoor
from api.generator import Generator
from api.response_store import KeptResponse, ResponseStore
from api.responses import Responses

TEXT = "Hello! How are you? I am fine."


@pytest.fixture
def store(tmp_path):
    store = ResponseStore(tmp_path / "state")
    yield store
    store.close()


@pytest.fixture
async def client(served, metrics, store):
    responses = Responses(
        Generator(served, metrics), store, max_body_bytes=99_999, limits=DeliveryLimits()
    )
    app = FrontDoor(Router(responses.routes), metrics)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://kamado") as client:
        yield client


@pytest.fixture
def ask(client):
    async def ask(given="hi", **fields):
        return await client.post("/v1/responses", json={"model": "pocket", "input": given} | fields)

    return ask


def events(response):
    assert response.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in response.text.strip().split("\n\n"):
        name, data = block.split("\n")
        fields = json.loads(data.removeprefix("data: "))
        assert name == f"event: {fields['type']}"
        found.append(fields)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


async def test_whole_answer(ask, client, runner):
    body = (await ask(metadata={"a": "b"}, instructions="Be S.")).json()
    assert (body["object"], body["status"], body["model"]) == ("response", "completed", "pocket")
    [item] = body["output"]
    assert item["id"].startswith("msg_")
    assert (item["type"], item["role"], item["status"]) == ("message", "assistant", "completed")
    [part] = item["content"]
    assert (part["type"], part["text"]) == ("output_text", TEXT)
    assert body["usage"]["input_tokens"] == len(runner.requests[0].prompt_ids)
    assert body["usage"]["input_tokens_details"]["cached_tokens"] == 4
    assert (body["metadata"], body["instructions"]) == ({"a": "b"}, "Be S.")
    assert (await client.get(f"/v1/responses/{body['id']}")).json() == body


async def test_a_stream_builds_the_whole_answer(ask, client):
    found = events(await ask(stream=True))
    kinds = [event["type"] for event in found]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    deltas = found[4:-4]
    assert {event["type"] for event in deltas} == {"response.output_text.delta"}
    assert "".join(event["delta"] for event in deltas) == TEXT
    assert found[-4]["text"] == TEXT
    final = found[-1]["response"]
    assert final["output"] == [found[-2]["item"]]
    assert {event["item_id"] for event in deltas} == {final["output"][0]["id"]}
    assert (await client.get(f"/v1/responses/{final['id']}")).json() == final


@pytest.mark.parametrize("stream", [False, True])
async def test_a_limit_is_told(ask, stream):
    response = await ask(max_output_tokens=2, stream=stream)
    body = events(response)[-1]["response"] if stream else response.json()
    assert body["status"] == "incomplete"
    assert body["incomplete_details"] == {"reason": "max_output_tokens"}
    assert body["output"][0]["status"] == "incomplete"


async def test_a_conversation_goes_on_from_what_is_kept(ask, client, runner, tokenizer):
    first = (await ask("U1")).json()
    second = (await ask("U2", previous_response_id=first["id"])).json()
    assert second["previous_response_id"] == first["id"]
    prompt = tokenizer.decode(runner.requests[1].prompt_ids)
    for role, text in [("user", "U1"), ("assistant", TEXT), ("user", "U2")]:
        assert f"{role}\n{text}" in prompt
    await client.delete(f"/v1/responses/{first['id']}")
    third = await ask("U3", previous_response_id=second["id"])
    assert third.status_code == 200
    assert "U1" in tokenizer.decode(runner.requests[2].prompt_ids)


async def test_instructions_are_not_carried_over(ask, runner, tokenizer):
    first = (await ask(instructions="Be S.")).json()
    await ask(previous_response_id=first["id"])
    assert "Be S." in tokenizer.decode(runner.requests[0].prompt_ids)
    assert "Be S." not in tokenizer.decode(runner.requests[1].prompt_ids)


async def test_items_become_turns(ask, runner, tokenizer):
    items = [
        {"role": "developer", "content": "D"},
        {"role": "user", "content": [{"type": "input_text", "text": "U1"}]},
        {
            "type": "message",
            "role": "assistant",
            "id": "msg_1",
            "status": "completed",
            "content": [{"type": "output_text", "text": "A1", "annotations": [], "logprobs": []}],
        },
        {"role": "user", "content": "U2"},
    ]
    assert (await ask(items)).status_code == 200
    prompt = tokenizer.decode(runner.requests[0].prompt_ids)
    places = [prompt.index(f"\n{text}") for text in ("D", "U1", "A1", "U2")]
    assert places == sorted(places)


async def test_what_is_not_to_be_stored_is_not(ask, client, tmp_path):
    body = (await ask(store=False)).json()
    assert body["store"] is False
    assert (await client.get(f"/v1/responses/{body['id']}")).status_code == 404
    assert not (tmp_path / "state").exists()


async def test_input_items_are_listed(ask, client):
    items = [{"role": "user", "content": str(i)} for i in range(5)]
    body = (await ask(items)).json()
    path = f"/v1/responses/{body['id']}/input_items"
    page = (await client.get(path, params={"limit": 2})).json()
    assert [item["content"][0]["text"] for item in page["data"]] == ["4", "3"]
    assert page["has_more"]
    rest = (await client.get(path, params={"after": page["last_id"]})).json()
    assert [item["content"][0]["text"] for item in rest["data"]] == ["2", "1", "0"]
    assert not rest["has_more"]
    rising = (await client.get(path, params={"order": "asc", "limit": 1})).json()
    assert rising["data"][0]["content"] == [{"type": "input_text", "text": "0"}]
    assert (await client.get(path, params={"after": "x"})).status_code == 400


async def test_deleting(ask, client):
    body = (await ask()).json()
    path = f"/v1/responses/{body['id']}"
    deleted = (await client.delete(path)).json()
    assert deleted == {"id": body["id"], "object": "response", "deleted": True}
    for response in (await client.get(path), await client.delete(path)):
        assert response.status_code == 404
        assert response.json()["error"]["code"] == "response_not_found"
    refused = await ask(previous_response_id=body["id"])
    assert refused.status_code == 404
    assert refused.json()["error"]["param"] == "previous_response_id"


async def until_ended(client, response_id):
    async with asyncio.timeout(5):
        while True:
            body = (await client.get(f"/v1/responses/{response_id}")).json()
            if body["status"] != "in_progress":
                return body
            await asyncio.sleep(0.01)


async def test_in_the_background(ask, client, runner):
    runner.gate.clear()
    body = (await ask(background=True)).json()
    assert (body["status"], body["output"]) == ("in_progress", [])
    assert (await ask(previous_response_id=body["id"])).status_code == 400
    runner.gate.set()
    ended = await until_ended(client, body["id"])
    assert ended["status"] == "completed"
    assert ended["output"][0]["content"][0]["text"] == TEXT
    again = (await client.post(f"/v1/responses/{body['id']}/cancel")).json()
    assert again == ended


async def test_cancelling_frees_the_sequence(ask, client, runner):
    runner.gate.clear()
    body = (await ask(background=True)).json()
    cancelled = (await client.post(f"/v1/responses/{body['id']}/cancel")).json()
    assert cancelled["status"] == "cancelled"
    assert len(runner.aborted) == 1
    runner.gate.set()
    other = (await ask()).json()
    refused = await client.post(f"/v1/responses/{other['id']}/cancel")
    assert refused.status_code == 400
    assert "background" in refused.json()["error"]["message"]


async def test_what_a_dead_process_left_in_progress_has_failed(ask, client, store, runner):
    runner.gate.clear()
    body = (await ask(background=True)).json()
    left = KeptResponse(body | {"id": "resp_left"}, [])
    await store.keep(left)
    assert (await client.get("/v1/responses/resp_left")).json()["status"] == "in_progress"
    long_ago = left.body | {"created_at": body["created_at"] - 10_000}
    await store.keep(KeptResponse(long_ago, []))
    told = (await client.get("/v1/responses/resp_left")).json()
    assert told["status"] == "failed"
    assert "Ask again" in told["error"]["message"]
    own = await store.get(body["id"])
    await store.keep(KeptResponse(own.body | {"created_at": body["created_at"] - 10_000}, []))
    assert (await client.get(f"/v1/responses/{body['id']}")).json()["status"] == "in_progress"


async def test_a_failure_in_the_background_is_kept(ask, client, runner):
    runner.error_after = 6
    body = (await ask(background=True)).json()
    ended = await until_ended(client, body["id"])
    assert ended["status"] == "failed"
    assert ended["error"]["code"] == "server_error"
    [item] = ended["output"]
    assert item["status"] == "incomplete"
    assert TEXT.startswith(item["content"][0]["text"])


async def test_a_failure_in_mid_stream_is_an_event(ask, runner):
    runner.error_after = 2
    last = events(await ask(stream=True))[-1]
    assert (last["type"], last["response"]["status"]) == ("response.failed", "failed")


@pytest.mark.parametrize(
    ("fields", "param", "part"),
    [
        ({"input": []}, "input", "at least 1"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0]", "item must be of type"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, None, "images"),
        ({"input": [{"role": "wizard", "content": "x"}]}, "input[0].role", ""),
        ({"max_output_tokens": 0}, "max_output_tokens", ""),
        ({"max_output_tokens": 127}, "max_output_tokens", "at most"),
        ({"temperature": 3}, "temperature", "3"),
        ({"input": "dog " * 9000}, "input", "characters"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type", ""),
        ({"tools": [{"type": "function", "name": "a b"}]}, "tools[0].name", "letters"),
        ({"tools": [{"type": "function", "name": "f"}] * 2}, "tools[1].name", "earlier"),
        ({"text": {"format": {"type": "xml"}}}, "text.format", "json_schema"),
        ({"text": {"verbosity": "low"}}, "text.verbosity", ""),
        ({"reasoning": {"effort": "low"}}, "reasoning.effort", ""),
        ({"include": ["reasoning.encrypted_content"]}, "include", "not supported"),
        ({"truncation": "auto"}, "truncation", "not supported"),
        ({"conversation": "c"}, "conversation", "not supported"),
        ({"background": True, "store": False}, "store", "fetch"),
        ({"background": True, "stream": True}, "stream", "background"),
        ({"surprise": 1}, "surprise", "unknown"),
    ],
)
async def test_refuses_by_name(ask, runner, fields, param, part):
    response = await ask(**({"given": fields.pop("input")} if "input" in fields else {}), **fields)
    error = response.json()["error"]
    assert response.status_code == 400, error
    assert param is None or error["param"] == param
    assert part in error["message"]
    assert runner.requests == []


async def test_a_schema_that_cannot_be_kept_to_is_located(ask):
    schema = {"type": "object", "properties": {"a": {"not": {}}}}
    text = {"format": {"type": "json_schema", "name": "n", "schema": schema}}
    error = (await ask(text=text)).json()["error"]
    assert error["param"].startswith("text.format.schema")


async def test_streams_are_not_replayed(ask, client):
    body = (await ask()).json()
    response = await client.get(f"/v1/responses/{body['id']}", params={"stream": "true"})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "stream"
