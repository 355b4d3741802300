"""A service that ranks with a cross-encoder of its own."""

import httpx
import pytest
import torch

from models.encoders.cross_encoder import CrossEncoder

DOCUMENTS = ["a kamado is a hearth", "rice is cooked", "a a a a"]


@pytest.fixture
def folder(make_cross_encoder, tmp_path):
    folder = tmp_path / "tiny-ranker"
    folder.mkdir()
    make_cross_encoder(folder)
    return folder


def test_ranks_with_the_model_that_is_named(start, folder):
    server = start(rerank_model=str(folder), kv_memory_gb=0.1)
    server.wait("/readyz", 200)
    body = {"model": "tiny-ranker", "query": "rice", "documents": DOCUMENTS}
    answer = httpx.post(f"{server.url}/v1/rerank", json=body).raise_for_status().json()
    encoder = CrossEncoder.from_folder(folder, torch.device("cpu"))
    expected = encoder.score(encoder.tokenize([("rice", text) for text in DOCUMENTS])).tolist()
    found = {entry["index"]: entry["relevance_score"] for entry in answer["results"]}
    assert [found[i] for i in range(3)] == pytest.approx(expected, abs=1e-5)
    names = {card["id"] for card in httpx.get(f"{server.url}/v1/models").json()["data"]}
    assert names == {"pocket", "tiny-ranker"}
    document = httpx.get(f"{server.url}/docs.json").json()
    examples = document["paths"]["/v1/rerank"]["post"]["requestBody"]["content"]
    [example] = examples["application/json"]["examples"].values()
    assert httpx.post(f"{server.url}/v1/rerank", json=example["value"]).status_code == 200
    scored = httpx.post(
        f"{server.url}/v1/score",
        json={"model": "tiny-ranker", "text_1": "rice", "text_2": DOCUMENTS[0]},
    )
    assert scored.json()["data"][0]["score"] == pytest.approx(expected[0], abs=1e-5)
    refused = httpx.post(f"{server.url}/v1/rerank", json=body | {"model": "pocket"})
    assert refused.status_code == 404
    server.stop()
