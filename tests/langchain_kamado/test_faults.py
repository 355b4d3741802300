"""The network and the server fail; the caller gets an answer or a typed error, never a hang and
never a half that looks whole."""

import time

import psutil
import pytest

from langchain_kamado import (
    AnswerTimeoutError,
    ChatKamado,
    InterruptedAnswerError,
    KamadoError,
    PermissionDeniedError,
    RateLimitError,
    ServerConnectionError,
    ServerError,
    attempts,
)
from tests.e2e.conftest import Server
from tests.langchain_kamado.fault_proxy import (
    FaultProxy,
    cut,
    half_a_stream,
    hanging_up,
    refusing,
    silent,
    slow,
)

pytestmark = pytest.mark.slow

QUESTION = "Hello! Who are you?"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(attempts, "FIRST_PAUSE_S", 0.01)


@pytest.fixture(params=["whole", "stream", "async", "async stream", "batch"])
async def ask(request):
    """Ask in each of the ways; the text of the answer."""

    async def ask(model):
        if request.param == "whole":
            return model.invoke(QUESTION).content
        if request.param == "stream":
            return "".join(chunk.content for chunk in model.stream(QUESTION))
        if request.param == "async":
            return (await model.ainvoke(QUESTION)).content
        if request.param == "batch":
            return model.batch([QUESTION, QUESTION])[1].content
        return "".join([chunk.content async for chunk in model.astream(QUESTION)])

    ask.is_stream = "stream" in request.param
    return ask


@pytest.fixture
def expected(model):
    return model.invoke(QUESTION).content


@pytest.fixture
def facing(server):
    """A model whose first connections meet these faults."""
    proxies = []

    def make(*faults, **fields):
        proxy = FaultProxy(server.url, *faults).__enter__()
        proxies.append(proxy)
        fields = {"temperature": 0, "max_tokens": 60, "base_url": proxy.url, **fields}
        model = ChatKamado(**fields)
        return model, proxy

    yield make
    for proxy in proxies:
        proxy.__exit__()


@pytest.mark.parametrize("fault", [refusing(503), refusing(429), refusing(408), hanging_up])
async def test_what_passes_is_tried_again(ask, facing, expected, fault):
    model, proxy = facing(fault, fault)
    assert await ask(model) == expected
    assert proxy.num_connections >= 3


async def test_what_does_not_pass_is_told(ask, facing):
    model, proxy = facing(*[refusing(503)] * 3)
    with pytest.raises(ServerError, match="503") as caught:
        await ask(model)
    assert caught.value.status == 503
    assert caught.value.is_retryable
    assert proxy.num_connections == 3


async def test_what_cannot_pass_is_not_tried_again(ask, facing):
    model, proxy = facing(*[refusing(403)] * 3)
    with pytest.raises(PermissionDeniedError):
        await ask(model)
    assert proxy.num_connections == 1
    model, _ = facing(refusing(302, location="http://elsewhere"))
    with pytest.raises(KamadoError, match="302"):
        await ask(model)


def test_retry_after_is_honoured(facing, expected):
    model, _ = facing(refusing(503, retry_after="1"))
    begun = time.monotonic()
    assert model.invoke(QUESTION).content == expected
    assert time.monotonic() - begun >= 1


def test_a_wait_that_would_pass_the_timeout_is_not_begun(facing):
    model, _ = facing(refusing(429, retry_after="60"), timeout=5)
    begun = time.monotonic()
    with pytest.raises(RateLimitError) as caught:
        model.invoke(QUESTION)
    assert caught.value.retry_after_s == 60
    assert time.monotonic() - begun < 4


async def test_a_cut_connection_is_an_error_or_asked_again(ask, facing, expected):
    model, _ = facing(cut(after_bytes=1000))
    if ask.is_stream:  # some of it was shown: a second answer would not go with it
        with pytest.raises(InterruptedAnswerError):
            await ask(model)
    else:
        assert await ask(model) == expected


async def test_a_connection_cut_before_the_first_byte_is_made_again(ask, facing, expected):
    model, _ = facing(cut(after_bytes=0))
    assert await ask(model) == expected


async def test_a_stream_that_ends_too_early_is_no_answer(ask, facing):
    if not ask.is_stream:
        return
    model, _ = facing(half_a_stream)
    with pytest.raises(InterruptedAnswerError, match="broke off"):
        await ask(model)


async def test_a_slow_server_is_waited_for(ask, facing, expected):
    model, _ = facing(slow(piece_bytes=400, pause_s=0.02))
    assert await ask(model) == expected


async def test_a_server_that_says_nothing_is_given_up(ask, facing):
    model, _ = facing(silent, silent, silent, timeout=0.5)
    begun = time.monotonic()
    with pytest.raises(AnswerTimeoutError, match=r"0\.5 seconds"):
        await ask(model)
    assert time.monotonic() - begun < 5


async def test_a_server_that_trickles_is_given_up(ask, facing):
    model, _ = facing(slow(piece_bytes=40, pause_s=0.2), timeout=1)
    begun = time.monotonic()
    with pytest.raises(AnswerTimeoutError):
        await ask(model)
    assert time.monotonic() - begun < 5


async def test_timing_out_cancels_the_sequence(ask, facing, watch):
    model, _ = facing(timeout=0.7, max_tokens=1900, ignore_eos=True)
    with pytest.raises(AnswerTimeoutError):
        await ask(model)
    await watch.auntil_running(0)


async def test_nobody_there(ask):
    model = ChatKamado(base_url="http://127.0.0.1:9", max_retries=1)
    with pytest.raises(ServerConnectionError, match=r"127\.0\.0\.1:9"):
        await ask(model)


def test_a_server_that_is_killed_in_mid_stream(tmp_path):
    server = Server(tmp_path, kv_memory_gb=0.1)
    try:
        server.wait("/readyz", 200)
        model = ChatKamado(base_url=server.url, max_tokens=1900, ignore_eos=True, max_retries=0)
        stream = model.stream("Hello!")
        next(stream)
        for process in psutil.Process(server.process.pid).children(recursive=True):
            process.kill()
        server.process.kill()
        begun = time.monotonic()
        with pytest.raises(ServerConnectionError):
            list(stream)
        with pytest.raises(ServerConnectionError):
            model.invoke("Hello!")
        assert time.monotonic() - begun < 10
    finally:
        server.stop()
