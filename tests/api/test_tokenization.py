"""/tokenize and /detokenize."""

import pytest


@pytest.fixture
def tokenize(client):
    async def ask(**fields):
        return await client.post("/tokenize", json={"model": "pocket", **fields})

    return ask


async def test_a_prompts_tokens(tokenize, tokenizer):
    body = (await tokenize(prompt="the quick fox")).json()
    assert tuple(body["tokens"]) == tokenizer.encode("the quick fox")
    assert body["count"] == len(body["tokens"])
    assert body["max_model_len"] == 128


async def test_a_conversations_tokens_are_those_that_the_engine_gets(tokenize, chat, runner):
    await chat("how are you?", max_tokens=3)
    messages = [{"role": "user", "content": "how are you?"}]
    body = (await tokenize(messages=messages, max_tokens=3)).json()
    assert tuple(body["tokens"]) == runner.requests[0].prompt_ids


async def test_there_and_back(tokenize, client):
    tokens = (await tokenize(prompt="héllo wörld 你好 😀")).json()["tokens"]
    answer = await client.post("/detokenize", json={"model": "pocket", "tokens": tokens})
    assert answer.json() == {"prompt": "héllo wörld 你好 😀"}


@pytest.mark.parametrize("token_id", [-1, 430, 2**70])
async def test_ids_that_are_no_tokens_are_refused(client, token_id):
    answer = await client.post("/detokenize", json={"model": "pocket", "tokens": [1, token_id]})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "prompt"),
        ({"prompt": 1}, "prompt"),
        ({"prompt": "a", "temperature": 0}, "temperature"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": "a"}], "seed": 2**70}, None),
        ({"messages": [{"role": "user", "content": "a"}], "top_k": -7}, None),
    ],
)
async def test_refusals_name_the_field(tokenize, fields, param):
    answer = await tokenize(**fields)
    if param is None:  # what does not make the prompt is not looked at more closely
        assert answer.status_code == 200
    else:
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == param


async def test_another_model_is_not_found(client):
    for path, fields in (("/tokenize", {"prompt": "a"}), ("/detokenize", {"tokens": [1]})):
        assert (await client.post(path, json={"model": "x", **fields})).status_code == 404
