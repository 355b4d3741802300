"""Answers from documents: embedded into a store in memory, the nearest found, and put to the model.

    KAMADO_BASE_URL=http://127.0.0.1:3000 python examples/rag.py "What does Mara drink?"

The bundled model is no encoder, so what it finds nearest is mostly what has the same words. For
documents of your own, serve an encoder: `--arg embedding_model=...`.
"""

import sys

from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore

from langchain_kamado import ChatKamado, KamadoEmbeddings

FACTS = [
    "Mara lives in Lisbon.",
    "The library closes at eight in the evening.",
    "The bus to the harbour is blue.",
    "Jonas works as a baker.",
    "The red car belongs to nobody.",
]


def _joined(documents: list[Document]) -> str:
    return " ".join(document.page_content for document in documents)


def rag_chain() -> Runnable[str, str]:
    """From a question to its answer."""
    store = InMemoryVectorStore.from_texts(FACTS, KamadoEmbeddings())
    prompt = ChatPromptTemplate.from_template("Context: {context}\nQuestion: {question}")
    found = store.as_retriever(search_kwargs={"k": 2}) | _joined
    model = ChatKamado(temperature=0, max_tokens=40)
    asked = {"context": found, "question": RunnablePassthrough()}
    return asked | prompt | model | StrOutputParser()


def main() -> None:
    print(rag_chain().invoke(sys.argv[1] if len(sys.argv) > 1 else "Where does Mara live?"))


if __name__ == "__main__":
    main()
