"""KamadoEmbeddings: texts to vectors, in calls as large as the server takes."""

import base64
import sys
from array import array
from collections.abc import Iterable, Iterator
from typing import Any

from langchain_core.embeddings import Embeddings
from pydantic import Field, PrivateAttr

from langchain_kamado.connection import Call
from langchain_kamado.decoders import Json
from langchain_kamado.server_fields import ServerFields
from langchain_kamado.server_model import aserver_model, server_model

SPECIAL_TOKENS = 8
"""Allowed for in each text, beside one token per byte."""


class KamadoEmbeddings(ServerFields, Embeddings):
    """Texts go as they are: the server has the tokenizer. Raises KamadoError."""

    dimensions: int | None = Field(default=None, ge=1)
    """Of the vectors, for models trained to be cut; None: the model's own."""
    _card: Json | None = PrivateAttr(default=None)
    """What the server says of the model, asked once, when more than one text is embedded."""

    def embed_query(self, text: str) -> list[float]:
        (vector,) = _vectors(self.connection.ask(self._call([text])))
        return vector

    async def aembed_query(self, text: str) -> list[float]:
        (vector,) = _vectors(await self.connection.aask(self._call([text])))
        return vector

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        if len(texts) > 1 and self._card is None:
            self._card = server_model(self.connection, self.model)
        answers = (self.connection.ask(self._call(part)) for part in self._parts(texts))
        return [vector for answer in answers for vector in _vectors(answer)]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        if len(texts) > 1 and self._card is None:
            self._card = await aserver_model(self.connection, self.model)
        answers = [await self.connection.aask(self._call(part)) for part in self._parts(texts)]
        return [vector for answer in answers for vector in _vectors(answer)]

    def _parts(self, texts: list[str]) -> Iterator[list[str]]:
        """Runs of texts that one call takes. A text has at most as many tokens as bytes, so no call
        has too many tokens."""
        card = self._card or {}
        max_inputs, max_tokens = card.get("max_inputs", 1), card.get("max_total_tokens", 0)
        part: list[str] = []
        num_tokens = 0
        for text in texts:
            most = len(text.encode()) + SPECIAL_TOKENS
            if part and (len(part) == max_inputs or num_tokens + most > max_tokens):
                yield part
                part, num_tokens = [], 0
            part.append(text)
            num_tokens += most
        if part:
            yield part

    def _call(self, texts: list[str]) -> Call:
        body: dict[str, Any] = {"model": self.model, "input": texts, "encoding_format": "base64"}
        if self.dimensions is not None:
            body["dimensions"] = self.dimensions
        return Call("/v1/embeddings", body)


def _vectors(answer: Json) -> Iterable[list[float]]:
    """From little-endian 32-bit floats, a third of the bytes that decimals take."""
    for entry in answer["data"]:
        floats = array("f", base64.b64decode(entry["embedding"]))
        if sys.byteorder == "big":
            floats.byteswap()
        yield floats.tolist()
