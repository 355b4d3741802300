"""Translation and summaries over a runner that answers with what it was asked about."""

import pytest

from runners.engine.limits import EngineLimits


@pytest.fixture
def script(runner, tokenizer):
    """Says back the text in upper case, or the first three words of what it is to summarise."""

    def say(request, index):
        asked = tokenizer.decode(request.prompt_ids).rpartition("user\n")[2]
        asked = asked.partition("assistant\n")[0].strip()
        text = asked.partition(": ")[2]
        if asked.startswith("Summarize"):
            return tokenizer.encode(" ".join(text.split()[:3]))
        return tokenizer.encode(text.upper())

    runner.script = say


@pytest.fixture
def translate(client, script):
    async def translate(text, **fields):
        return await client.post(
            "/v1/translate", json={"text": text, "target_language": "French"} | fields
        )

    return translate


@pytest.fixture
def summarize(client, script):
    async def summarize(text, **fields):
        return await client.post("/v1/summarize", json={"text": text} | fields)

    return summarize


async def test_a_short_text_is_one_request(translate, runner, tokenizer):
    body = (await translate("a dog.", source_language="English", model="pocket")).json()
    assert (body["object"], body["text"], body["finish_reason"]) == (
        "translation",
        "A DOG.",
        "stop",
    )
    assert body["usage"]["prompt_tokens"] == len(runner.requests[0].prompt_ids)
    prompt = tokenizer.decode(runner.requests[0].prompt_ids)
    assert "Translate from English into French: a dog." in prompt
    assert runner.requests[0].params.is_greedy


async def test_a_long_text_goes_in_chunks_and_keeps_its_lines(translate, runner):
    text = "a dog. a cat.\n\n  a house is here.\ta car."
    body = (await translate(text, max_chunk_sentences=1)).json()
    assert body["text"] == text.upper()
    assert len(runner.requests) == 4
    long = "one dog is two dogs. " * 30
    assert (await translate(long)).json()["text"] == long.strip().upper()


async def test_summaries_are_summarised(summarize, runner):
    text = "the dog is here. the cat is there. the car is old."
    body = (await summarize(text, max_chunk_sentences=1)).json()
    assert body["object"] == "summary"
    assert body["text"] == "the dog is"
    assert len(runner.requests) == 4
    assert body["usage"]["prompt_tokens"] == sum(len(r.prompt_ids) for r in runner.requests)


async def test_a_very_long_text_comes_to_an_end(summarize, runner):
    body = (await summarize("the dog was seen in the old town today. " * 60)).json()
    assert body["text"] == "the dog was"
    assert len(runner.requests) > 10


async def test_an_answer_that_is_cut_says_so(summarize, runner, tokenizer):
    runner.script = lambda request, index: tokenizer.encode("dog " * 50)
    assert (await summarize("a dog.")).json()["finish_reason"] == "length"


async def test_plain_text_for_plain_text(client, script):
    headers = {"content-type": "text/plain; charset=utf-8"}
    response = await client.post(
        "/v1/translate?target_language=French&max_chunk_sentences=1",
        content="ein café. a cat.".encode(),
        headers=headers,
    )
    assert response.headers["content-type"].startswith("text/plain")
    assert response.headers["x-finish-reason"] == "stop"
    assert response.text == "EIN CAFÉ. A CAT.\n"
    summary = await client.post("/v1/summarize", content=b"the dog is here.", headers=headers)
    assert summary.text == "the dog is\n"


@pytest.mark.parametrize(
    ("path", "content", "param"),
    [
        ("/v1/translate", b"x", "target_language"),
        ("/v1/translate?target_language=a%0Ab", b"x", "target_language"),
        ("/v1/translate?target_language=French&max_chunk_sentences=-1", b"x", "max_chunk"),
        ("/v1/summarize?max_chunk_sentences=0", b"x", "max_chunk_sentences"),
        ("/v1/summarize?tone=glad", b"x", "tone"),
        ("/v1/summarize", b"  \n ", "text"),
        ("/v1/summarize", b"\xff", "text"),
    ],
)
async def test_plain_text_is_checked_likewise(client, runner, path, content, param):
    response = await client.post(path, content=content, headers={"content-type": "text/plain"})
    assert response.status_code == 400
    assert response.json()["error"]["param"].startswith(param)
    assert runner.requests == []


async def test_a_context_without_room_is_told(summarize, translate, runner):
    limits = EngineLimits(430, 70, max_num_seqs=8, num_blocks=64, block_size=16)
    runner.limits = limits
    for response in (await summarize("a dog."), await translate("a dog.")):
        assert response.status_code == 400
        assert "takes 70 tokens" in response.json()["error"]["message"]
    assert runner.requests == []


async def test_more_chunks_than_a_call_takes_are_refused(translate, runner):
    response = await translate("a. " * 4097, max_chunk_sentences=1)
    assert response.status_code == 400
    assert "more than 4096 chunks" in response.json()["error"]["message"]
    assert runner.requests == []


async def test_refusals(translate, client, runner):
    for fields in ({"text": " "}, {"target_language": ""}, {"max_chunk_sentences": 0}, {"tone": 1}):
        assert (await translate(**({"text": "x"} | fields))).status_code == 400
    assert (await translate("x", model="other")).status_code == 404
    runner.is_full = True
    assert (await translate("x")).status_code == 429
