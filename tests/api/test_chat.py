import json

import pytest

from runners.engine.request import FinishReason

TEXT = "Hello! How are you? I am fine."


def events(response):
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in response.text.split("\n\n") if line]
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line[6:]) for line in lines[:-1]]


def streamed_text(chunks, index=0):
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    return "".join(
        choice["delta"].get("content", "") for choice in choices if choice["index"] == index
    )


async def test_whole_answer(chat, runner):
    response = await chat()
    assert response.status_code == 200
    assert response.headers["x-request-id"].startswith("req_")
    body = response.json()
    assert body["id"].startswith("chatcmpl-")
    assert body["object"] == "chat.completion"
    assert body["model"] == "pocket"
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": TEXT, "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    usage = body["usage"]
    assert usage["prompt_tokens"] == len(runner.requests[0].prompt_ids)
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens_details"] == {"cached_tokens": 4}


async def test_stream_says_the_same_as_the_whole_answer(chat):
    chunks = events(await chat(stream=True, stream_options={"include_usage": True}))
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert streamed_text(chunks) == TEXT
    assert chunks[-2]["choices"] == [
        {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
    ]
    assert all(chunk["usage"] is None for chunk in chunks[:-1])
    assert chunks[-1]["choices"] == []
    whole = (await chat()).json()
    assert chunks[-1]["usage"] == whole["usage"]


async def test_stream_without_usage_has_no_usage(chat):
    assert not any("usage" in chunk for chunk in events(await chat(stream=True)))


@pytest.mark.parametrize("stream", [False, True])
async def test_every_choice_is_answered(chat, runner, tokenizer, stream):
    runner.script = lambda request, index: tokenizer.encode(f"I am {index}")
    response = await chat(n=3, stream=stream)
    if stream:
        chunks = events(response)
        assert [streamed_text(chunks, i) for i in range(3)] == [f"I am {i}" for i in range(3)]
    else:
        contents = [choice["message"]["content"] for choice in response.json()["choices"]]
        assert contents == [f"I am {i}" for i in range(3)]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("stop", ["are y", ["zzz", "are y", "fine"]])
async def test_stop_string_cuts_and_aborts_only_its_choice(chat, runner, tokenizer, stream, stop):
    other = tokenizer.encode("the dog does not mind")
    hello = tokenizer.encode(TEXT)
    runner.script = lambda request, index: hello if index == 0 else other
    response = await chat(n=2, stop=stop, stream=stream)
    if stream:
        chunks = events(response)
        texts = [streamed_text(chunks, i) for i in range(2)]
        reasons = [c["finish_reason"] for ch in chunks for c in ch["choices"] if c["finish_reason"]]
        assert reasons == ["stop", "stop"]
    else:
        texts = [choice["message"]["content"] for choice in response.json()["choices"]]
    assert texts == ["Hello! How ", "the dog does not mind"]
    assert [index for _, index in runner.aborted] == [0]


async def test_a_stop_token_is_not_part_of_the_text(chat, tokenizer):
    stop_id = tokenizer.encode(TEXT)[-1]
    body = (await chat(stop_token_ids=[stop_id], logprobs=True)).json()
    text = tokenizer.decode(tokenizer.encode(TEXT)[:-1])
    choice = body["choices"][0]
    assert choice["message"]["content"] == text
    assert "".join(entry["token"] for entry in choice["logprobs"]["content"]) == text
    assert body["usage"]["completion_tokens"] == len(tokenizer.encode(TEXT))


async def test_length_is_told(chat):
    for field in ("max_tokens", "max_completion_tokens"):
        body = (await chat(**{field: 2})).json()
        assert body["choices"][0]["finish_reason"] == "length"
        assert body["usage"]["completion_tokens"] == 2


async def test_stop_strings_count_after_min_tokens(chat, tokenizer):
    late = len(tokenizer.encode(TEXT)) - 1
    body = (await chat(stop="Hello", min_tokens=late, max_tokens=50)).json()
    assert body["choices"][0]["message"]["content"] == TEXT
    assert (await chat(stop="Hello")).json()["choices"][0]["message"]["content"] == ""


@pytest.mark.parametrize("stream", [False, True])
async def test_logprobs_follow_the_text(chat, tokenizer, stream):
    response = await chat(logprobs=True, top_logprobs=2, stop="are", stream=stream)
    if stream:
        parts = [c["logprobs"] for chunk in events(response) for c in chunk["choices"]]
        content = [entry for part in parts if part for entry in part["content"]]
    else:
        content = response.json()["choices"][0]["logprobs"]["content"]
    tokens = [entry["token"] for entry in content]
    assert "".join(tokens[:-1]) in "Hello! How "
    assert "".join(tokens).startswith("Hello! How")
    assert {len(entry["top_logprobs"]) for entry in content} == {2}
    assert content[0].keys() == {"token", "logprob", "bytes", "top_logprobs"}
    assert bytes(content[0]["bytes"]).decode() == content[0]["token"]


async def test_half_a_character_is_named_by_its_bytes(chat, runner, tokenizer):
    runner.script = lambda request, index: tokenizer.encode("😁")
    choice = (await chat(logprobs=True)).json()["choices"][0]
    assert choice["message"]["content"] == "😁"
    content = choice["logprobs"]["content"]
    assert b"".join(bytes(entry["bytes"]) for entry in content).decode() == "😁"
    assert content[0]["token"].startswith("\\xf0")


async def test_parameters_reach_the_engine(chat, runner):
    await chat(
        n=2,
        max_tokens=9,
        temperature=0.5,
        top_p=0.9,
        top_k=7,
        min_p=0.1,
        repetition_penalty=1.5,
        presence_penalty=0.25,
        frequency_penalty=-0.5,
        min_tokens=1,
        seed=11,
        logit_bias={"5": -3},
        stop_token_ids=[8],
        ignore_eos=True,
        priority=-4,
        user="u",
        metadata={"a": "b"},
    )
    request = runner.requests[0]
    params = request.params
    assert request.priority == -4
    assert (params.n, params.max_tokens, params.temperature, params.top_p) == (2, 9, 0.5, 0.9)
    assert (params.top_k, params.min_p, params.repetition_penalty) == (7, 0.1, 1.5)
    assert (params.presence_penalty, params.frequency_penalty) == (0.25, -0.5)
    assert (params.min_tokens, params.seed, params.logit_bias) == (1, 11, {5: -3.0})
    assert params.stop_token_ids == {8}
    assert params.ignore_eos
    assert params.logprobs is None


async def test_what_a_response_says_may_be_sent_back(chat, client):
    message = (await chat()).json()["choices"][0]["message"]
    messages = [{"role": "user", "content": "hi"}, message, {"role": "user", "content": "more"}]
    response = await client.post(
        "/v1/chat/completions", json={"model": "pocket", "messages": messages}
    )
    assert response.status_code == 200


async def test_a_reader_who_falls_behind_gets_fewer_and_larger_chunks(chat, runner, monkeypatch):
    def generate(request, generate=runner.generate):
        stream = generate(request)
        ids = runner.script(request, 0)
        stream.feed(runner._output(request, 0, ids[0], None))
        for token_id in ids[1:]:
            stream.feed(runner._output(request, 0, token_id, None))
        stream.feed(runner._output(request, 0, runner.eos_id, FinishReason.STOP))
        return stream

    monkeypatch.setattr(runner, "generate", generate)
    chunks = events(await chat(stream=True))
    assert streamed_text(chunks) == TEXT
    assert len(chunks) == 3
