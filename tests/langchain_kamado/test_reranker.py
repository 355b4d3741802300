"""KamadoReranker: documents by relevance."""

import pytest
from langchain_core.documents import Document

from langchain_kamado import BadRequestError, KamadoReranker

pytestmark = pytest.mark.slow

DOCUMENTS = [
    Document("The dog sleeps in the kitchen.", metadata={"page": 1}),
    Document("What is the weather in Paris?", id="weather"),
    Document("Seven plus four is eleven."),
]


async def test_the_document_that_says_the_query_comes_first(server):
    reranker = KamadoReranker()
    query = DOCUMENTS[1].page_content
    for ranked in (
        reranker.compress_documents(DOCUMENTS, query),
        await reranker.acompress_documents(DOCUMENTS, query),
    ):
        assert len(ranked) == 3
        scores = [document.metadata["relevance_score"] for document in ranked]
        assert scores == sorted(scores, reverse=True)
        assert ranked[0].id == "weather"
        assert scores[0] == pytest.approx(1, abs=1e-4)
    first = next(document for document in ranked if "dog" in document.page_content)
    assert first.metadata["page"] == 1
    assert "relevance_score" not in DOCUMENTS[0].metadata


def test_only_the_best_are_kept(server):
    ranked = KamadoReranker(top_n=1).compress_documents(DOCUMENTS, "Seven plus four is eleven.")
    assert [document.page_content for document in ranked] == ["Seven plus four is eleven."]
    assert KamadoReranker().compress_documents([], "anything") == []


def test_what_the_server_refuses_is_told(server):
    with pytest.raises(BadRequestError, match="query"):
        KamadoReranker().compress_documents(DOCUMENTS, "")
