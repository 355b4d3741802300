"""Thirty-two at once get, byte for byte, what each gets alone: with prefixes reused, without, and
in a cache so small that sequences are put back and computed again."""

import asyncio
import random

import httpx
import openai
import pytest

NUM_STREAMS = 32
SUBJECTS = ["the harbour", "my neighbour's goat", "a very long bridge", "seven spoons", "rain"]
SYSTEM = "You are a patient helper in a small town. Answer briefly and say what you know. " * 3
TIGHT_GB = 0.004
"""43 blocks of 16 tokens: about four of these requests at a time."""


def requests():
    rng = random.Random(7)
    for i in range(NUM_STREAMS):
        words = " and ".join(rng.choice(SUBJECTS) for _ in range(rng.randint(1, 20)))
        messages = [{"role": "user", "content": f"Repeat after me ({i}): {words}"}]
        if i % 2:
            messages.insert(0, {"role": "system", "content": SYSTEM})
        yield {"messages": messages, "max_tokens": rng.randint(8, 96)}


async def text_of(client, request):
    """The whole streamed text and the finish reason."""
    text, reason = "", None
    stream = await client.chat.completions.create(
        model="pocket", temperature=0, stream=True, extra_body={"ignore_eos": True}, **request
    )
    async for chunk in stream:
        text += chunk.choices[0].delta.content or ""
        reason = chunk.choices[0].finish_reason or reason
    return text, reason


@pytest.fixture(scope="module")
def alone(server):
    """Each request by itself, one after the other."""

    async def one_by_one():
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="-") as client:
            return [await text_of(client, request) for request in requests()]

    return asyncio.run(one_by_one())


@pytest.mark.parametrize(
    "arguments",
    [
        {"prefix_caching": "true"},
        {"prefix_caching": "false"},
        {"kv_memory_gb": TIGHT_GB},
        {"kv_memory_gb": TIGHT_GB, "prefix_caching": "false"},
    ],
    ids=["prefixes reused", "no prefixes", "tight", "tight, no prefixes"],
)
def test_at_once_equals_alone(start, alone, arguments):
    server = start(max_num_seqs=32, **arguments)
    server.wait("/readyz", 200)

    async def all_at_once():
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="-") as client:
            return await asyncio.gather(*(text_of(client, request) for request in requests()))

    assert asyncio.run(all_at_once()) == alone
    figures = dict(
        line.rsplit(" ", 1)
        for line in httpx.get(f"{server.url}/metrics").text.splitlines()
        if line.startswith("kamado_") and "{" not in line
    )
    server.stop()
    assert float(figures["kamado_cache_blocks_in_use"]) == 0
    assert (float(figures["kamado_preemptions_total"]) > 0) == ("kv_memory_gb" in arguments)
    reused = float(figures["kamado_cached_prompt_tokens_total"])
    assert (reused > 0) == (arguments.get("prefix_caching") != "false")
