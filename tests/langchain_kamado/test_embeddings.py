"""KamadoEmbeddings: LangChain's standard suites, and how calls are divided."""

import math

import httpx
import pytest
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests

from langchain_kamado import BadRequestError, KamadoEmbeddings
from tests.langchain_kamado.conftest import FIELDS, FROM_ENVIRONMENT


class TestUnits(EmbeddingsUnitTests):
    @property
    def embeddings_class(self):
        return KamadoEmbeddings

    @property
    def embedding_model_params(self):
        return FIELDS

    @property
    def init_from_env_params(self):
        return FROM_ENVIRONMENT


@pytest.mark.slow
@pytest.mark.usefixtures("server")
class TestIntegration(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self):
        return KamadoEmbeddings

    @property
    def embedding_model_params(self):
        return {"model": "pocket"}


@pytest.mark.slow
def test_vectors_are_those_of_the_route_and_of_length_1(server):
    texts = ["a red house", "two small dogs"]
    body = {"model": "pocket", "input": texts}
    told = httpx.post(f"{server.url}/v1/embeddings", json=body).json()["data"]
    vectors = KamadoEmbeddings().embed_documents(texts)
    for vector, entry in zip(vectors, told, strict=True):
        assert vector == pytest.approx(entry["embedding"], abs=1e-6)
        assert math.hypot(*vector) == pytest.approx(1, abs=1e-5)
    assert KamadoEmbeddings().embed_query(texts[0]) == pytest.approx(vectors[0], abs=1e-6)


@pytest.mark.slow
async def test_calls_are_as_large_as_the_server_says(server, watch):
    embeddings = KamadoEmbeddings()
    await embeddings.aembed_documents(["a", "b"])
    card = embeddings._card
    assert (card["max_inputs"], card["max_total_tokens"]) == (2048, 300_000)
    route = 'kamado_requests_total{route="/v1/embeddings",status="200"}'
    embeddings._card = {**card, "max_inputs": 3}
    before = watch.metric(route)
    texts = [f"house {number}" for number in range(7)]
    divided = await embeddings.aembed_documents(texts)
    assert watch.metric(route) == before + 3
    for vector, same in zip(embeddings.embed_documents(texts[:3]), divided[:3], strict=True):
        assert vector == pytest.approx(same, abs=1e-6)


@pytest.mark.slow
def test_no_call_has_more_tokens_than_the_server_takes(server):
    embeddings = KamadoEmbeddings()
    embeddings._card = {"max_inputs": 100, "max_total_tokens": 40}
    parts = list(embeddings._parts(["a" * 10, "b" * 10, "c" * 30, "d" * 100, "ü"]))
    assert parts == [["a" * 10, "b" * 10], ["c" * 30], ["d" * 100], ["ü"]]


@pytest.mark.slow
def test_what_the_server_refuses_is_told(server):
    with pytest.raises(BadRequestError, match=r"input\[1\] is empty"):
        KamadoEmbeddings().embed_documents(["a", ""])
    with pytest.raises(BadRequestError, match="dimensions"):
        KamadoEmbeddings(dimensions=7).embed_query("a")
    assert KamadoEmbeddings().embed_documents([]) == []
