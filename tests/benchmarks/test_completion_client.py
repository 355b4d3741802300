"""The client against a server on a real socket."""

import httpx
import pytest

from benchmarks.completion_client import CompletionClient


@pytest.fixture
async def http(server):
    async with httpx.AsyncClient(base_url=server.base_url) as http:
        yield http


@pytest.mark.parametrize("endpoint", ["completions", "chat"])
async def test_times_text_and_counts_by_usage(server, http, endpoint):
    server.gap_s = 0.03
    server.usage["completion_tokens"] = 7  # some events carried several tokens
    record = await CompletionClient(http, "tiny", endpoint, {"max_tokens": 7}).send("hello")
    assert record.error is None
    assert (record.prompt_tokens, record.completion_tokens) == (5, 7)
    assert len(record.event_times_s) == 3  # neither the role, nor the usage, nor [DONE]
    first_s, gaps_s = record.time_to_first_token_s, record.inter_token_latencies_s
    assert first_s is not None
    assert first_s >= 0.03
    assert len(gaps_s) == 2
    assert min(gaps_s) > 0.01
    assert record.time_per_output_token_s == pytest.approx(sum(gaps_s) / 6)
    [body] = server.bodies
    assert body["stream"] is True
    assert (body["model"], body["max_tokens"]) == ("tiny", 7)
    if endpoint == "chat":
        assert body["messages"] == [{"role": "user", "content": "hello"}]
    else:
        assert body["prompt"] == "hello"


async def test_a_refusal_is_a_record(server, http):
    server.status = 429
    record = await CompletionClient(http, "tiny").send("hello")
    assert "429" in str(record.error)
    assert "too busy" in str(record.error)
    assert record.time_to_first_token_s is None


@pytest.mark.parametrize(
    ("event", "part"), [('{"error": {"message": "fell over"}}', "fell over"), ("{", "not JSON")]
)
async def test_a_stream_that_breaks_is_a_record(server, http, event, part):
    server.extra_event = event
    record = await CompletionClient(http, "tiny").send("hello")
    assert part in str(record.error)
    assert len(record.event_times_s) == 3


async def test_tokens_are_never_guessed(server, http):
    server.usage = None
    record = await CompletionClient(http, "tiny").send("hello")
    assert "without usage" in str(record.error)


async def test_a_server_that_is_not_there_is_a_record():
    async with httpx.AsyncClient(base_url="http://127.0.0.1:1") as http:
        record = await CompletionClient(http, "tiny").send("hello")
    assert str(record.error).startswith("ConnectError")
