import json

import pytest

TEXT = "Hello! How are you? I am fine."


def events(response):
    lines = [line for line in response.text.split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


def texts(response):
    """Of every choice, from either form of the answer."""
    is_stream = response.headers["content-type"].startswith("text/event-stream")
    bodies = events(response) if is_stream else [response.json()]
    found = {}
    for body in bodies:
        assert body["object"] == "text_completion"
        for choice in body["choices"]:
            found[choice["index"]] = found.get(choice["index"], "") + choice["text"]
    return [found[index] for index in sorted(found)]


@pytest.fixture
def repeats_prompt(runner):
    runner.script = lambda request, index: request.prompt_ids
    return runner


async def test_whole_answer(complete):
    body = (await complete()).json()
    assert body["id"].startswith("cmpl-")
    assert body["choices"] == [
        {"index": 0, "text": TEXT, "logprobs": None, "finish_reason": "stop"}
    ]


@pytest.mark.parametrize("stream", [False, True])
async def test_every_form_of_prompt(complete, repeats_prompt, tokenizer, stream):
    dog, fox = tokenizer.encode("the dog"), tokenizer.encode("a fox")
    for prompt, expected in [
        ("the dog", ["the dog"]),
        (["the dog", "a fox"], ["the dog", "a fox"]),
        (list(dog), ["the dog"]),
        ([list(dog), list(fox)], ["the dog", "a fox"]),
    ]:
        assert texts(await complete(prompt, stream=stream)) == expected


@pytest.mark.parametrize("stream", [False, True])
async def test_echo_and_n_number_the_choices_across_prompts(complete, repeats_prompt, stream):
    response = await complete(["the dog", "a fox"], n=2, echo=True, stream=stream)
    assert texts(response) == ["the dogthe dog"] * 2 + ["a foxa fox"] * 2


async def test_logprobs_have_the_old_shape(complete, tokenizer):
    logprobs = (await complete(logprobs=2)).json()["choices"][0]["logprobs"]
    assert "".join(logprobs["tokens"]) == TEXT
    assert logprobs["token_logprobs"] == [-0.5] * len(logprobs["tokens"])
    assert [len(top) for top in logprobs["top_logprobs"]] == [2] * len(logprobs["tokens"])
    offsets = logprobs["text_offset"]
    ends = [*offsets[1:], len(TEXT)]
    assert [TEXT[a:b] for a, b in zip(offsets, ends, strict=True)] == logprobs["tokens"]


async def test_usage_counts_all_prompts_and_choices(complete, repeats_prompt, tokenizer):
    usage = (await complete(["the dog", "a fox"], n=2)).json()["usage"]
    num_prompt = len(tokenizer.encode("the dog")) + len(tokenizer.encode("a fox"))
    assert usage["prompt_tokens"] == num_prompt
    assert usage["completion_tokens"] == 2 * num_prompt + 4
    assert usage["prompt_tokens_details"]["cached_tokens"] == 8


@pytest.mark.parametrize("stream", [False, True])
async def test_stop_in_one_of_many_prompts_leaves_the_others(complete, repeats_prompt, stream):
    response = await complete(["the dog does", "a quick fox"], stop=" do", stream=stream)
    assert texts(response) == ["the", "a quick fox"]
