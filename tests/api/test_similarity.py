"""/v1/rerank and /v1/score over an embedder whose vectors are told by the texts' first letters."""

import math

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import Response

from api.embedding_rows import EmbeddingLimits
from api.errors import ApiError
from api.rerank import rerank_routes
from api.score import score_routes
from api.similarity import Similarity

LIMITS = EmbeddingLimits(max_inputs=8, max_total_tokens=60)


class CompassEmbedder:
    """ "n", "e", "s", "w" point that way in the plane, and "ne" between."""

    model_name = "compass"
    dimensions = 2
    shorter_dimensions = ()
    max_tokens = 16
    vocab_size = 256

    def __init__(self):
        self.rows = []

    async def tokenize(self, texts):
        return [list(text.encode()) for text in texts]

    async def embed(self, rows):
        self.rows += rows
        return [self._vector(bytes(row).decode()) for row in rows]

    def close(self):
        pass

    def _vector(self, text):
        x = ("e" in text) - ("w" in text)
        y = ("n" in text) - ("s" in text)
        length = math.hypot(x, y)
        return [x / length, y / length]


@pytest.fixture
def embedder():
    return CompassEmbedder()


@pytest.fixture
async def post(embedder):
    async def in_envelope(request, error):
        return Response(error.body, error.status)

    similarity = Similarity(lambda: embedder, embedder.embed, LIMITS)
    routes = [*rerank_routes(similarity), *score_routes(similarity)]
    app = Starlette(routes=routes, exception_handlers={ApiError: in_envelope})
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://compass") as client:

        async def post(path, **body):
            return await client.post(path, json={"model": "compass", **body})

        yield post


DOCUMENTS = ["s", {"text": "ne"}, "e", "n"]


async def test_documents_come_best_first(post, embedder):
    body = (await post("/v1/rerank", query="n", documents=DOCUMENTS)).json()
    assert body["id"].startswith("rerank-")
    assert body["model"] == "compass"
    assert [entry["index"] for entry in body["results"]] == [3, 1, 2, 0]
    scores = [entry["relevance_score"] for entry in body["results"]]
    assert scores == pytest.approx([1.0, math.sqrt(0.5), 0.0, -1.0], abs=1e-6)
    assert body["usage"] == {"prompt_tokens": 6, "total_tokens": 6}
    assert len(embedder.rows) == 5  # the query once
    assert not any("document" in entry for entry in body["results"])


async def test_the_best_few_with_their_texts(post):
    response = await post(
        "/v1/rerank", query="n", documents=DOCUMENTS, top_n=2, return_documents=True
    )
    documents = [entry["document"] for entry in response.json()["results"]]
    assert documents == [{"text": "n"}, {"text": "ne"}]


async def test_equals_keep_their_order(post):
    body = (await post("/v1/rerank", query="n", documents=["e", "w", "e"], top_n=9)).json()
    assert [entry["index"] for entry in body["results"]] == [0, 1, 2]


@pytest.mark.parametrize(
    ("text_1", "text_2", "scores"),
    [
        ("n", "n", [1.0]),
        ("n", ["n", "e", "s"], [1.0, 0.0, -1.0]),
        (["n", "e"], ["s", "e"], [-1.0, 1.0]),
        (["n"], ["s", "e"], [-1.0, 0.0]),
    ],
)
async def test_scores_pairs(post, text_1, text_2, scores):
    body = (await post("/v1/score", text_1=text_1, text_2=text_2)).json()
    assert body["object"] == "list"
    assert [entry["index"] for entry in body["data"]] == list(range(len(scores)))
    assert {entry["object"] for entry in body["data"]} == {"score"}
    assert [entry["score"] for entry in body["data"]] == pytest.approx(scores, abs=1e-6)


@pytest.mark.parametrize(
    ("path", "body", "param", "part"),
    [
        ("/v1/rerank", {"query": "n", "documents": []}, "documents", "at least 1"),
        ("/v1/rerank", {"query": "", "documents": ["n"]}, "query", "query is empty"),
        ("/v1/rerank", {"query": "n", "documents": ["n", ""]}, "documents", "documents[1] is emp"),
        ("/v1/rerank", {"query": "n", "documents": ["n" * 17]}, "documents", "17 tokens"),
        ("/v1/rerank", {"query": "n", "documents": list("nesw" * 2)}, "documents", "9 entries"),
        ("/v1/rerank", {"query": "n", "documents": ["n"], "top_n": 0}, "top_n", "0"),
        ("/v1/rerank", {"query": "n", "documents": [{"image": "n"}]}, "documents[0].text", "requ"),
        ("/v1/rerank", {"query": "n", "documents": ["n"], "rank_fields": []}, "rank_fields", "unk"),
        ("/v1/score", {"text_1": ["n", "n"], "text_2": "n"}, "text_1", "2 entries and text_2 1"),
        ("/v1/score", {"text_1": "n", "text_2": []}, "text_2", ""),
        ("/v1/score", {"text_1": "n", "text_2": ["n", ""]}, "text_2", "text_2[1] is empty"),
    ],
)
async def test_refuses_by_name(post, embedder, path, body, param, part):
    response = await post(path, **body)
    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, param)
    assert part in error["message"]
    assert embedder.rows == []


async def test_an_unknown_model_is_not_found(post):
    response = await post("/v1/rerank", query="n", documents=["n"], model="other")
    assert response.status_code == 404
