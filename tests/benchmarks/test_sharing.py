import httpx
import pytest

from benchmarks.sharing import OWN_TOKENS, SHARED_TOKENS, Sharing, SharingError


@pytest.fixture
async def sharing(server):
    async with httpx.AsyncClient(base_url=server.base_url) as http:
        yield Sharing(http, "tiny", vocab_size=1000, seed=0)


async def test_the_second_prompt_begins_like_the_first_and_ends_otherwise(sharing, server):
    assert min(await sharing.prefix()) > 0
    first, second = (body["prompt"] for body in server.bodies)
    assert len(first) == len(second) == SHARED_TOKENS + OWN_TOKENS
    assert first[:SHARED_TOKENS] == second[:SHARED_TOKENS]
    assert first[SHARED_TOKENS:] != second[SHARED_TOKENS:]
    await sharing.prefix()
    assert server.bodies[2]["prompt"][:SHARED_TOKENS] != first[:SHARED_TOKENS]


async def test_streams_are_watched_while_a_long_prompt_arrives(sharing, server):
    server.texts = ["a"] * 40
    server.gap_s = 0.02
    mixed = await sharing.mixed(streams=2, long_tokens=300, max_tokens=40)
    assert [len(body["prompt"]) for body in server.bodies] == [64, 64, 64, 300]
    assert server.most_open == 3
    assert min(mixed.longest_s, mixed.ordinary_s) >= 0.01
    assert mixed.time_to_first_token_s >= 0.01


async def test_streams_that_ended_before_tell_nothing(sharing, server):
    server.texts = ["a"] * 4
    with pytest.raises(SharingError, match="ended before"):
        await sharing.mixed(streams=2, long_tokens=300, max_tokens=40)


async def test_a_refusal_is_told(sharing, server):
    server.status = 503
    with pytest.raises(SharingError, match="503"):
        await sharing.prefix()
