"""Many conversations in one call."""

import asyncio
import json

import pytest

from tests.api.test_delivery import Caller, until

PATH = "/v1/chat/completions/batch"


def conversation(content="hi", **fields):
    return {"model": "pocket", "messages": [{"role": "user", "content": content}], **fields}


@pytest.fixture
def batch(client):
    async def ask(*requests):
        response = await client.post(PATH, json={"requests": requests})
        assert response.headers["content-type"] == "application/x-ndjson"
        return [json.loads(line) for line in response.text.splitlines()]

    return ask


async def test_each_answer_is_what_the_request_alone_would_get(batch, chat):
    lines = await batch(conversation(), conversation(max_tokens=2, n=2))
    assert sorted(line["index"] for line in lines) == [0, 1]
    by_index = {line["index"]: line for line in lines}
    for index, fields in ((0, {}), (1, {"max_tokens": 2, "n": 2})):
        alone = (await chat(**fields)).json()
        assert by_index[index]["status"] == 200
        for key in ("choices", "usage", "model", "object"):
            assert by_index[index]["body"][key] == alone[key]


async def test_a_request_at_fault_fails_alone(batch):
    lines = await batch(
        conversation(n=0),
        conversation(),
        conversation(stream=True),
        {"model": "pocket"},
        conversation(seed=2**70),
        conversation(top_p="1"),
    )
    by_index = {line["index"]: line for line in lines}
    assert [by_index[index]["status"] for index in range(6)] == [400, 200, 400, 400, 400, 400]
    named = [by_index[index]["body"]["error"]["param"] for index in (0, 2, 3, 4, 5)]
    assert named == ["n", "stream", "messages", "seed", "top_p"]


async def test_answers_come_in_the_order_of_their_ends(batch, runner):
    runner.script = lambda request, index: [50] * 60
    runner.gate.clear()
    asking = asyncio.create_task(batch(conversation(max_tokens=50), conversation(max_tokens=3)))
    await until(lambda: len(runner.requests) == 2)
    runner.gate.set()
    lines = await asking
    assert [line["index"] for line in lines] == [1, 0]


async def test_no_more_are_queued_at_once_than_the_engine_computes(app, runner):
    runner.gate.clear()
    call = Caller(app, {"requests": [conversation()] * 20}, path=PATH)
    await until(lambda: len(runner.requests) == 8)
    await asyncio.sleep(0.02)
    assert len(runner.requests) == 8
    runner.gate.set()
    await asyncio.wait_for(call.task, 5)
    assert len(call.text.splitlines()) == 20


async def test_hanging_up_ends_all(app, runner):
    runner.gate.clear()
    call = Caller(app, {"requests": [conversation()] * 20}, path=PATH)
    await until(lambda: len(runner.requests) == 8)
    call.hang_up()
    await asyncio.wait_for(call.task, 5)
    assert len(runner.aborted) == 8
    assert len(runner.requests) == 8


@pytest.mark.parametrize(
    "body", [{}, {"requests": []}, {"requests": [1]}, {"requests": [{}] * 1025}]
)
async def test_what_is_no_batch_is_refused_as_a_whole(client, body):
    assert (await client.post(PATH, json=body)).status_code == 400
