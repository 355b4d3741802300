"""Lines put to an application: its own path, with the batch's priority and with patience."""

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from runners import batch_caller
from runners.batch_caller import BatchCaller
from runners.batch_line import BatchLine


class Application:
    """Answers with what it was asked; busy for the first `num_busy` calls."""

    def __init__(self, num_busy=0, status=429):
        self.bodies = []
        self.num_busy = num_busy
        self.status = status
        self.num_cancelled = 0
        self.gate = asyncio.Event()
        self.gate.set()
        paths = ("/v1/completions", "/v1/embeddings")
        self.asgi = Starlette(routes=[Route(path, self.answer, methods=["POST"]) for path in paths])

    async def answer(self, request):
        self.bodies.append(await request.json())
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.num_cancelled += 1
            raise
        if len(self.bodies) <= self.num_busy:
            return JSONResponse({}, self.status, headers={"retry-after": "1"})
        return JSONResponse(self.bodies[-1], headers={"x-request-id": "req_1"})


def line(url="/v1/completions", **body):
    return BatchLine("a", url, body)


async def test_the_body_goes_in_as_it_is_with_the_priority_of_the_batch():
    application = Application()
    async with BatchCaller(application.asgi, priority=9) as caller:
        answer = await caller.call(line(prompt="é", n=2**70, temperature=0.1))
        assert answer.body == {"prompt": "é", "n": 2**70, "temperature": 0.1, "priority": 9}
        assert (answer.custom_id, answer.status_code, answer.request_id) == ("a", 200, "req_1")
        answer = await caller.call(line("/v1/embeddings", input="x"))
        assert answer.body == {"input": "x"}


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_application_is_asked_again(monkeypatch, status):
    monkeypatch.setattr(batch_caller, "MAX_RETRY_S", 0.001)
    application = Application(num_busy=3, status=status)
    async with BatchCaller(application.asgi, priority=9) as caller:
        answer = await caller.call(line(prompt="x"))
    assert answer.status_code == 200
    assert len(application.bodies) == 4


@pytest.mark.parametrize("field", ["stream", "priority"])
async def test_what_a_batch_cannot_have_is_refused(field):
    application = Application()
    async with BatchCaller(application.asgi, priority=9) as caller:
        answer = await caller.call(line(prompt="x", **{field: True}))
        assert (await caller.call(line(prompt="x", **{field: None}))).status_code == 200
    assert answer.status_code == 400
    assert answer.body["error"]["param"] == field
    assert len(application.bodies) == 1


async def test_a_cancelled_call_ends_its_work():
    application = Application()
    application.gate.clear()
    async with BatchCaller(application.asgi, priority=9) as caller:
        call = asyncio.create_task(caller.call(line(prompt="x")))
        while not application.bodies:
            await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert application.num_cancelled == 1
