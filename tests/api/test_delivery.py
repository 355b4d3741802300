"""Clients that hang up, stop reading or wait too long: seen from below HTTP."""

import asyncio
import json
import logging

import pytest

from api.app import HttpLimits, create_app
from api.delivery import DeliveryLimits


class Caller:
    """One request as the server's side of a connection sees it."""

    def __init__(self, app, body, path="/v1/chat/completions"):
        self.sent = []
        self.may_write = asyncio.Event()
        self.may_write.set()
        self._incoming = asyncio.Queue()
        self._incoming.put_nowait({"type": "http.request", "body": json.dumps(body).encode()})
        scope = {"type": "http", "method": "POST", "path": path, "headers": [], "root_path": ""}
        self.task = asyncio.create_task(app(scope, self._incoming.get, self._send))

    async def _send(self, message):
        await self.may_write.wait()
        self.sent.append(message)

    def hang_up(self):
        self._incoming.put_nowait({"type": "http.disconnect"})

    @property
    def text(self):
        return b"".join(message.get("body", b"") for message in self.sent).decode()


@pytest.fixture
def caller(app):
    def call(app=app, **fields):
        messages = [{"role": "user", "content": "hi"}]
        return Caller(app, {"model": "pocket", "messages": messages} | fields)

    return call


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("stream", [False, True])
async def test_hanging_up_ends_every_choice_at_once(caller, runner, metrics, stream):
    runner.gate.clear()
    call = caller(stream=stream, n=3)
    await until(lambda: runner.requests)
    call.hang_up()
    await asyncio.wait_for(call.task, 5)
    assert sorted(index for _, index in runner.aborted) == [0, 1, 2]
    assert 'kamado_requests_total{route="/v1/chat/completions",status="499"} 1.0' in (
        metrics.render()
    )


async def test_hanging_up_in_mid_stream(caller, runner):
    runner.script = lambda request, index: [50] * 100
    call = caller(stream=True)
    await until(lambda: len(call.sent) > 5)
    runner.gate.clear()
    call.hang_up()
    await asyncio.wait_for(call.task, 5)
    assert len(runner.aborted) == 1


async def test_hanging_up_before_the_body_has_arrived(app):
    call = Caller(app, {})
    call._incoming = asyncio.Queue()
    call.hang_up()
    await asyncio.wait_for(call.task, 5)


@pytest.fixture
def impatient(served, metrics):
    limits = HttpLimits(delivery=DeliveryLimits(answer_s=0.05, write_s=0.05))
    return create_app(served, metrics, limits)


async def test_a_reader_who_stops_reading_is_given_up(caller, runner, impatient):
    runner.script = lambda request, index: [50] * 100
    call = caller(impatient, stream=True)
    await until(lambda: len(call.sent) > 3)
    call.may_write.clear()
    runner.gate.clear()
    runner.gate.set()
    await asyncio.wait_for(call.task, 5)
    await until(lambda: not runner.tasks)


async def test_the_deadline_is_told_and_ends_the_generation(caller, runner, impatient):
    runner.gate.clear()
    whole, stream = caller(impatient), caller(impatient, stream=True)
    await asyncio.wait_for(asyncio.gather(whole.task, stream.task), 5)
    assert whole.sent[0]["status"] == 504
    assert '"code":"deadline_exceeded"' in whole.text
    assert '"code":"deadline_exceeded"' in stream.text
    assert "[DONE]" not in stream.text
    assert len(runner.aborted) == 2


async def test_a_silent_stream_says_that_it_is_still_there(caller, runner, served, metrics):
    runner.gate.clear()
    app = create_app(served, metrics, HttpLimits(delivery=DeliveryLimits(ping_s=0.02)))
    call = caller(app, stream=True)
    await until(lambda: call.text.count(": still here\n\n") >= 2)
    runner.gate.set()
    await asyncio.wait_for(call.task, 5)
    num_pings = call.text.count(": still here")
    assert call.text.endswith("data: [DONE]\n\n")
    await asyncio.sleep(0.05)
    assert call.text.count(": still here") == num_pings


async def test_a_slow_body_is_refused(app, monkeypatch):
    monkeypatch.setattr("api.json_body.BODY_TIMEOUT_S", 0.02)
    call = Caller(app, {})
    call._incoming.get_nowait()
    await asyncio.wait_for(call.task, 5)
    assert call.sent[0]["status"] == 408


async def test_the_log_has_one_line_without_contents(client, chat, caplog):
    caplog.set_level(logging.INFO, "kamado.access")
    await chat("canary")
    await client.get("/v1/evil%0d%0aline%1b[31m")
    lines = [record.getMessage() for record in caplog.records if record.name == "kamado.access"]
    assert len(lines) == 2
    assert lines[0].startswith("POST /v1/chat/completions 200 ")
    assert "canary" not in caplog.text
    assert not set("\r\n\x1b") & set("".join(lines))


async def test_metrics_count_and_measure(chat, client, metrics):
    await chat()
    await client.get("/v1/nothing/at/all")
    text = metrics.render()
    assert 'kamado_requests_total{route="/v1/chat/completions",status="200"} 1.0' in text
    assert 'kamado_requests_total{route="unknown",status="404"} 1.0' in text
    assert "nothing" not in text
    assert "kamado_time_to_first_token_seconds_count 1.0" in text
    assert "kamado_time_per_output_token_seconds_count 1.0" in text
    assert "kamado_generated_tokens_total 20.0" in text
    assert 'kamado_time_to_first_token_seconds_bucket{le="+Inf"} 1.0' in text
