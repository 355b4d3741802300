import httpx
import pytest

from benchmarks.batch_client import BatchClient

ANSWER = {"text": "b", "prompt_tokens": 3, "completion_tokens": 4}


async def record_of(answer):
    async with httpx.AsyncClient(
        base_url="http://tiny", transport=httpx.MockTransport(answer)
    ) as http:
        return await BatchClient(http, "/generate").send("a")


async def test_an_answer_is_one_event_at_its_end():
    bodies = []

    def answer(request):
        bodies.append((request.url.path, request.content))
        return httpx.Response(200, json=[ANSWER])

    record = await record_of(answer)
    assert bodies == [("/generate", b'{"prompts":["a"]}')]
    assert record.error is None
    assert (record.prompt_tokens, record.completion_tokens) == (3, 4)
    assert record.event_times_s == (record.end_s,)
    assert record.time_per_output_token_s is None


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (httpx.Response(503, text="busy"), "StreamError: 503 busy"),
        (httpx.Response(200, json=[]), "ValueError"),
        (httpx.Response(200, text="<html>"), "JSONDecodeError"),
    ],
)
async def test_failures_are_records(response, error):
    record = await record_of(lambda request: response)
    assert record.error.startswith(error)
    assert record.event_times_s == ()
