"""/v1/rerank over a real cross-encoder, small and random."""

import httpx
import pytest
import torch
from starlette.routing import Router

from api.cross_relevance import CrossRelevance
from api.embedding_rows import EmbeddingLimits
from api.front_door import FrontDoor
from api.rerank import rerank_routes
from models.encoders.cross_encoder import CrossEncoder
from runners.pair_scorer import PairScorer

DOCUMENTS = ["a kamado is a hearth", "rice", "a a a a"]


@pytest.fixture
def encoder(make_cross_encoder, tmp_path):
    make_cross_encoder(tmp_path)
    return CrossEncoder.from_folder(tmp_path, torch.device("cpu"))


@pytest.fixture
async def rerank(encoder, metrics):
    scorer = PairScorer(encoder, "tiny")
    limits = EmbeddingLimits(max_inputs=8, max_total_tokens=100)
    routes = rerank_routes(CrossRelevance(lambda: scorer, scorer.score, limits))
    transport = httpx.ASGITransport(FrontDoor(Router(routes), metrics))
    async with httpx.AsyncClient(transport=transport, base_url="http://tiny") as client:

        async def rerank(**fields):
            body = {"model": "tiny", "query": "rice is eaten", "documents": DOCUMENTS} | fields
            return await client.post("/v1/rerank", json=body)

        yield rerank
    scorer.close()


async def test_documents_are_ranked_by_their_pair_with_the_query(rerank, encoder):
    body = (await rerank()).json()
    pairs = [("rice is eaten", document) for document in DOCUMENTS]
    rows = encoder.tokenize(pairs)
    expected = encoder.score(rows).tolist()
    found = {entry["index"]: entry["relevance_score"] for entry in body["results"]}
    assert [found[i] for i in range(3)] == pytest.approx(expected)
    assert list(found.values()) == sorted(expected, reverse=True)
    assert body["usage"]["total_tokens"] == sum(len(ids) for ids, _ in rows)


@pytest.mark.parametrize(
    ("fields", "param", "part"),
    [
        ({"documents": ["a", ""]}, "documents", "documents[1] is empty"),
        ({"documents": ["a " * 40]}, "documents", "46 tokens together"),
        ({"query": "x" * 2000}, "query", "at most 1280 characters"),
        ({"documents": ["a"] * 8}, "documents", "9 entries"),
        ({"documents": ["a " * 30] * 3}, "documents", "108 tokens in all"),
    ],
)
async def test_refuses_by_name(rerank, fields, param, part):
    response = await rerank(**fields)
    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, param)
    assert part in error["message"]


async def test_an_unknown_model_is_not_found(rerank):
    assert (await rerank(model="other")).status_code == 404
