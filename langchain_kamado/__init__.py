"""LangChain's classes for a Kamado server: chat, text, embeddings and reranking."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_kamado.chat_model import ChatKamado
    from langchain_kamado.embeddings import KamadoEmbeddings
    from langchain_kamado.errors import (
        AnswerTimeoutError,
        AuthenticationError,
        BadRequestError,
        ContextLengthError,
        InterruptedAnswerError,
        KamadoError,
        ModelNameError,
        PermissionDeniedError,
        RateLimitError,
        RequestCancelledError,
        ServerConnectionError,
        ServerError,
    )
    from langchain_kamado.reranker import KamadoReranker
    from langchain_kamado.text_model import KamadoLLM

_MODULES = {
    "ChatKamado": "chat_model",
    "KamadoEmbeddings": "embeddings",
    "KamadoLLM": "text_model",
    "KamadoReranker": "reranker",
}

__all__ = [
    "AnswerTimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "ChatKamado",
    "ContextLengthError",
    "InterruptedAnswerError",
    "KamadoEmbeddings",
    "KamadoError",
    "KamadoLLM",
    "KamadoReranker",
    "ModelNameError",
    "PermissionDeniedError",
    "RateLimitError",
    "RequestCancelledError",
    "ServerConnectionError",
    "ServerError",
]


def __getattr__(name: str) -> Any:
    """Each class brings its own part of langchain-core; who embeds need not wait for the rest."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'errors')}"), name)
