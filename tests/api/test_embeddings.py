"""OpenAI's shape, every refusal by name, and the merging by BentoML's own dispatcher."""

import asyncio
import base64
import contextlib
from functools import partial

import bentoml
import httpx
import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.responses import Response

from api.adaptive_batching import BatchedService
from api.embedding_rows import EmbeddingLimits
from api.embeddings import embedding_routes
from api.errors import ApiError
from runners.engine.errors import QueueFullError

# BentoML's own, from making the class of a batchable method's arguments
pytestmark = pytest.mark.filterwarnings("ignore:The `__get_pydantic_core_schema__`")

LIMITS = EmbeddingLimits(max_inputs=8, max_total_tokens=30)


class FakeEmbedder:
    """One token per byte; a row's vector is told by its first id. Counts its forwards."""

    model_name = "tiny"
    dimensions = 4
    shorter_dimensions = (2,)
    max_tokens = 16
    vocab_size = 256

    def __init__(self):
        self.batch_sizes = []
        self.forward_s = 0.0
        self.error = None

    async def tokenize(self, texts):
        return [list(text.encode()) for text in texts]

    async def embed(self, rows):
        self.batch_sizes.append(len(rows))
        if self.error is not None:
            raise self.error
        await asyncio.sleep(self.forward_s)
        return [vector_of(row[0]) for row in rows]

    def close(self):
        pass


def vector_of(token_id):
    vector = np.array([token_id + 1, 1, 2, 3], dtype=np.float32)
    return (vector / np.linalg.norm(vector)).tolist()


def application(embedder, embed_rows):
    async def in_envelope(request, error):
        response = Response(error.body, error.status)
        response.raw_headers += error.headers
        return response

    routes = embedding_routes(lambda: embedder, embed_rows, LIMITS)
    return Starlette(routes=routes, exception_handlers={ApiError: in_envelope})


@pytest.fixture
def embedder():
    return FakeEmbedder()


@pytest.fixture
async def client(embedder):
    transport = httpx.ASGITransport(application(embedder, embedder.embed))
    async with httpx.AsyncClient(transport=transport, base_url="http://tiny") as client:
        yield client


async def post(client, **body):
    return await client.post("/v1/embeddings", json={"model": "tiny", **body})


@pytest.mark.parametrize(
    ("given", "first_ids"),
    [("ab", b"a"), (["ab", "c"], b"ac"), ([97, 98], b"a"), ([[97, 98], [99]], b"ac")],
)
async def test_takes_all_four_kinds_of_input(client, given, first_ids):
    response = await post(client, input=given, user="someone")
    assert response.status_code == 200
    answer = response.json()
    num_tokens = 2 if len(first_ids) == 1 else 3
    assert answer["object"] == "list"
    assert answer["model"] == "tiny"
    assert answer["usage"] == {"prompt_tokens": num_tokens, "total_tokens": num_tokens}
    assert [entry["index"] for entry in answer["data"]] == list(range(len(first_ids)))
    for entry, token_id in zip(answer["data"], first_ids, strict=True):
        assert entry["object"] == "embedding"
        assert entry["embedding"] == pytest.approx(vector_of(token_id))


async def test_base64_is_little_endian_float32(client):
    response = await post(client, input="a", encoding_format="base64")
    raw = base64.b64decode(response.json()["data"][0]["embedding"])
    assert np.frombuffer(raw, "<f4").tolist() == vector_of(97)


async def test_cuts_only_to_what_the_network_was_trained_for(client):
    response = await post(client, input="a", dimensions=2)
    [entry] = response.json()["data"]
    full = np.array(vector_of(97)[:2])
    assert entry["embedding"] == pytest.approx(full / np.linalg.norm(full))
    assert (await post(client, input="a", dimensions=4)).status_code == 200


@pytest.mark.parametrize(
    ("body", "param", "parts"),
    [
        ({"input": "a", "dimensions": 3}, "dimensions", ["is 3", "2 or 4"]),
        ({"input": "a", "dimensions": 0}, "dimensions", []),
        ({"input": ""}, "input", ["input is empty"]),
        ({"input": ["a", ""]}, "input", ["input[1] is empty"]),
        ({"input": [[1], []]}, "input", ["input[1] is empty"]),
        ({"input": []}, "input", ["not empty"]),
        ({"input": None}, "input", []),
        ({"input": {"text": "a"}}, "input", []),
        ({"input": ["a", 1]}, "input[1]", []),
        ({"input": [1, "a"]}, "input[1]", []),
        ({"input": [1, True]}, "input[1]", []),
        ({"input": [1, -1]}, "input[1]", ["-1"]),
        ({"input": [1, 256]}, "input", ["256", "below 256"]),
        ({"input": ["a"] * 9}, "input", ["9 entries", "takes 8"]),
        ({"input": ["a", "a" * 17]}, "input", ["input[1] has 17 tokens", "accepts 16"]),
        ({"input": ["a" * 16, "a" * 15]}, "input", ["31 tokens in all", "takes 30"]),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format", []),
        ({"input": "a", "surprise": 1}, "surprise", []),
        ({}, "input", ["required"]),
    ],
)
async def test_refuses_by_name(client, embedder, body, param, parts):
    response = await post(client, **body)
    error = response.json()["error"]
    assert response.status_code == 400
    assert (error["param"], error["type"]) == (param, "invalid_request_error")
    for part in parts:
        assert part in error["message"]
    assert embedder.batch_sizes == []


async def test_an_unknown_model_is_not_found(client):
    response = await client.post("/v1/embeddings", json={"model": "other", "input": "a"})
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "model_not_found"


async def test_a_full_engine_says_when_to_come_again(client, embedder):
    embedder.error = QueueFullError("256 requests wait; the limit is 256.", retry_after_s=3)
    response = await post(client, input="a")
    assert (response.status_code, response.headers["retry-after"]) == (429, "3")


def bento_service(embedder, max_latency_ms):
    """The service as service.py composes it, and the application that serves it."""

    class Tiny:
        @bentoml.api(batchable=True, max_batch_size=8, max_latency_ms=max_latency_ms)  # type: ignore[untyped-decorator]
        async def embed_rows(self, rows: list[list[int]]) -> list[list[float]]:
            vectors: list[list[float]] = await embedder.embed(rows)
            return vectors

    # no metrics: prometheus' registry is one per process, and each test makes an application
    service = bentoml.service(service_class=BatchedService, metrics={"enabled": False})(Tiny)
    service.mount_asgi_app(application(embedder, partial(service.batched, "embed_rows")))
    return service.to_asgi()


@pytest.fixture
async def serve(embedder):
    """A client of the embedder behind BentoML's own application, lifespan included."""
    async with contextlib.AsyncExitStack() as stack:

        async def started(max_latency_ms=10_000):
            app = bento_service(embedder, max_latency_ms)
            await stack.enter_async_context(app.router.lifespan_context(app))
            transport = httpx.ASGITransport(app)
            client = httpx.AsyncClient(transport=transport, base_url="http://tiny")
            return await stack.enter_async_context(client)

        yield started


async def test_concurrent_calls_share_forwards(serve, embedder):
    embedder.forward_s = 0.02
    client = await serve()
    responses = await asyncio.gather(*(post(client, input=[[id_]]) for id_ in range(24)))
    for id_, response in enumerate(responses):
        assert response.json()["data"][0]["embedding"] == pytest.approx(vector_of(id_))
    assert sum(embedder.batch_sizes) == 24
    assert len(embedder.batch_sizes) <= 4  # three full batches, and one if the first went alone


async def test_a_large_call_goes_in_full_batches_and_keeps_its_order(serve, embedder):
    client = await serve()
    response = await post(client, input=[[id_] for id_ in range(8)])
    assert [entry["embedding"] for entry in response.json()["data"]] == [
        pytest.approx(vector_of(id_)) for id_ in range(8)
    ]
    assert embedder.batch_sizes == [8]


async def test_the_raw_route_is_withdrawn(serve):
    client = await serve()
    response = await client.post("/embed_rows", json={"rows": [[1]]})
    assert response.status_code == 404


async def test_a_dispatcher_that_would_be_late_says_so(serve, embedder):
    embedder.forward_s = 0.3
    client = await serve(max_latency_ms=100)
    calls = (post(client, input=[[id_ % 256]] * 8) for id_ in range(8))
    responses = await asyncio.gather(*calls)
    statuses = {response.status_code for response in responses}
    assert statuses == {200, 429}
    refused = next(response for response in responses if response.status_code == 429)
    assert refused.headers["retry-after"] == "1"
    assert "embed_rows is too busy" in refused.json()["error"]["message"]


async def test_an_error_of_the_forward_reaches_its_callers(serve, embedder):
    embedder.error = QueueFullError("full", retry_after_s=3)
    client = await serve()
    assert (await post(client, input="a")).status_code == 429
    embedder.error = None
    assert (await post(client, input="a")).status_code == 200


async def test_a_caller_who_gives_up_is_not_told_that_the_service_is_busy(serve, embedder):
    embedder.forward_s = 0.05
    client = await serve()
    given_up, other = (asyncio.create_task(post(client, input=[[id_]])) for id_ in (1, 2))
    await asyncio.sleep(0.02)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert (await other).status_code == 200
