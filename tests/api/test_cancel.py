"""Ending a request by its id, which callers may choose."""

import asyncio
import json

import pytest


@pytest.fixture
def cancel(client):
    async def ask(request_id):
        answer = await client.post("/v1/requests/cancel", json={"request_id": request_id})
        assert answer.status_code == 200
        return answer.json()

    return ask


@pytest.fixture
def ask(client):
    async def ask(request_id, **fields):
        messages = [{"role": "user", "content": "hi"}]
        body = {"model": "pocket", "messages": messages, **fields}
        headers = {"x-request-id": request_id}
        return await client.post("/v1/chat/completions", json=body, headers=headers)

    return ask


async def begun(runner, count=1):
    async with asyncio.timeout(5):
        while len(runner.requests) < count:
            await asyncio.sleep(0.001)


async def test_a_callers_id_is_the_answers(ask):
    assert (await ask("job-17:a.b_c")).headers["x-request-id"] == "job-17:a.b_c"


@pytest.mark.parametrize("given", ["", "a b", "ü", "x" * 129, 'a"b'])
async def test_an_id_that_cannot_stand_in_a_log_is_replaced(ask, given):
    assert (await ask(given.encode())).headers["x-request-id"].startswith("req_")


async def test_a_whole_answer_is_cancelled(ask, cancel, runner):
    runner.gate.clear()
    asking = asyncio.create_task(ask("job", n=2))
    await begun(runner)
    assert await cancel("job") == {"request_id": "job", "cancelled": True}
    answer = await asyncio.wait_for(asking, 5)
    assert answer.status_code == 499
    assert answer.json()["error"]["code"] == "request_cancelled"
    assert sorted(index for _, index in runner.aborted) == [0, 1]
    assert (await cancel("job"))["cancelled"] is False


async def test_a_stream_is_told_that_it_was_cancelled(ask, cancel, runner):
    runner.gate.clear()
    asking = asyncio.create_task(ask("job", stream=True))
    await begun(runner)
    await cancel("job")
    lines = (await asyncio.wait_for(asking, 5)).text.split("\n\n")
    assert json.loads(lines[-2].removeprefix("data: "))["error"]["code"] == "request_cancelled"
    assert "data: [DONE]" not in lines


async def test_every_request_of_that_id_and_no_other_is_cancelled(ask, cancel, runner):
    runner.gate.clear()
    asking = [asyncio.create_task(ask(name)) for name in ("job", "job", "other")]
    await begun(runner, 3)
    await cancel("job")
    runner.gate.set()
    answers = await asyncio.wait_for(asyncio.gather(*asking), 5)
    assert [answer.status_code for answer in answers] == [499, 499, 200]


async def test_nothing_is_kept_of_requests_that_are_over(ask, cancel):
    await ask("job")
    assert (await cancel("job"))["cancelled"] is False
