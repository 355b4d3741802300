"""/v1/models: what clients learn from it."""

import httpx
import pytest

from api.app import create_app
from api.served_model import ServedModel
from runners.runner import RunnerState


async def test_a_card_tells_what_the_model_can_do(client):
    card = (await client.get("/v1/models/pocket")).json()
    assert card["max_model_len"] == 128
    assert card["capabilities"] == [
        "chat", "completions", "structured_output", "embeddings", "rerank",
    ]  # fmt: skip
    assert (card["max_inputs"], card["max_total_tokens"]) == (2048, 300_000)


async def test_what_is_not_known_yet_is_not_told(client, runner, served):
    runner.state = RunnerState.LOADING
    served.text = None
    card = (await client.get("/v1/models/pocket")).json()
    assert card["max_model_len"] is None
    assert "structured_output" not in card["capabilities"]


@pytest.fixture
async def renamed(runner, text, metrics, limits):
    served = ServedModel("pocket", runner, alias="small")
    served.text = text
    transport = httpx.ASGITransport(create_app(served, metrics, limits, more_models=["e5"]))
    async with httpx.AsyncClient(transport=transport, base_url="http://kamado") as client:
        yield client


async def test_a_second_name_is_as_good_as_the_first(renamed):
    listed = (await renamed.get("/v1/models")).json()["data"]
    assert [card["id"] for card in listed] == ["pocket", "small", "e5"]
    messages = [{"role": "user", "content": "hi"}]
    for name in ("pocket", "small"):
        body = {"model": name, "messages": messages}
        assert (await renamed.post("/v1/chat/completions", json=body)).json()["model"] == name
    body = {"model": "e5", "messages": messages}
    assert (await renamed.post("/v1/chat/completions", json=body)).status_code == 404


async def test_an_encoder_embeds_and_the_other_does_not(renamed):
    cards = {card["id"]: card for card in (await renamed.get("/v1/models")).json()["data"]}
    assert cards["e5"]["capabilities"] == ["embeddings", "rerank"]
    assert "embeddings" not in cards["pocket"]["capabilities"]
    assert "max_model_len" not in cards["e5"]


async def test_the_second_name_does_not_embed(runner, text, metrics, limits):
    served = ServedModel("pocket", runner, alias="small")
    served.text = text
    transport = httpx.ASGITransport(create_app(served, metrics, limits))
    async with httpx.AsyncClient(transport=transport, base_url="http://kamado") as client:
        cards = {card["id"]: card for card in (await client.get("/v1/models")).json()["data"]}
    assert "embeddings" in cards["pocket"]["capabilities"]
    assert "embeddings" not in cards["small"]["capabilities"]
