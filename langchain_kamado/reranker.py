"""KamadoReranker: documents by their relevance to a query."""

from collections.abc import Sequence

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import Field

from langchain_kamado.connection import Call
from langchain_kamado.decoders import Json
from langchain_kamado.server_fields import ServerFields


class KamadoReranker(ServerFields, BaseDocumentCompressor):
    """For LangChain's retrievers that compress what they have found. Raises KamadoError."""

    top_n: int | None = Field(default=None, ge=1)
    """How many documents to keep; None: all, in their new order."""

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Copies, best first, with the score in `metadata["relevance_score"]`."""
        if not documents:
            return []
        return _ranked(documents, self.connection.ask(self._call(documents, query)))

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """As `compress_documents`."""
        if not documents:
            return []
        return _ranked(documents, await self.connection.aask(self._call(documents, query)))

    def _call(self, documents: Sequence[Document], query: str) -> Call:
        texts = [document.page_content for document in documents]
        body: Json = {"model": self.model, "query": query, "documents": texts}
        if self.top_n is not None:
            body["top_n"] = self.top_n
        return Call("/v1/rerank", body)


def _ranked(documents: Sequence[Document], answer: Json) -> list[Document]:
    return [
        documents[result["index"]].model_copy(
            update={
                "metadata": {
                    **documents[result["index"]].metadata,
                    "relevance_score": result["relevance_score"],
                }
            }
        )
        for result in answer["results"]
    ]
