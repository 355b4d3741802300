"""POST /tokenize and /detokenize: what the engine would be given for a request, and back."""

import asyncio

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typing_extensions import TypedDict

from api.chat_request import ChatRequest
from api.errors import InvalidRequestError
from api.fields import Fields
from api.generator import SHORT_PROMPT_CHARS, Generator
from api.json_body import off_loop, read_json, validated
from api.json_response import json_response
from api.served_model import ServedModel


class TokenizeRequest(BaseModel):
    """A chat completion's request, of which everything may be given and what makes its prompt
    counts; or `model` and `prompt`."""

    model_config = ConfigDict(extra="allow")


class TextToTokenize(Fields):
    model: str
    prompt: str


class TokensToRead(Fields):
    model: str
    tokens: list[int]


class Tokens(TypedDict):
    tokens: list[int]
    count: int
    max_model_len: int


class TokensText(TypedDict):
    prompt: str


class Tokenization:
    def __init__(self, served: ServedModel, generator: Generator, *, max_body_bytes: int) -> None:
        self._served = served
        self._generator = generator
        self._max_body_bytes = max_body_bytes
        self.routes = [
            Route("/tokenize", self._tokenize, methods=["POST"]),
            Route("/detokenize", self._detokenize, methods=["POST"]),
        ]

    async def _tokenize(self, http: Request) -> Response:
        request = await read_json(
            http.scope, http.receive, TokenizeRequest, max_bytes=self._max_body_bytes
        )
        fields = request.model_extra or {}
        if "messages" in fields:  # there may be megabytes of them
            chat = await asyncio.to_thread(validated, fields, ChatRequest)
            tokens = await self._generator.chat_ids(chat)
        else:
            tokens = await self._text_ids(validated(fields, TextToTokenize))
        body: Tokens = {
            "tokens": [*tokens],
            "count": len(tokens),
            "max_model_len": self._served.runner.limits.max_model_len,
        }
        return json_response(body)

    async def _text_ids(self, request: TextToTokenize) -> tuple[int, ...]:
        self._served.check_name(request.model)
        tokenizer = self._served.ready_text().tokenizer
        is_long = len(request.prompt) > SHORT_PROMPT_CHARS
        return await off_loop(is_long, lambda: tokenizer.encode(request.prompt))

    async def _detokenize(self, http: Request) -> Response:
        """Special tokens have no text."""
        request = await read_json(
            http.scope, http.receive, TokensToRead, max_bytes=self._max_body_bytes
        )
        self._served.check_name(request.model)
        tokenizer = self._served.ready_text().tokenizer
        num_ids = self._served.runner.limits.vocab_size
        for token_id in request.tokens:
            if not 0 <= token_id < num_ids:
                raise InvalidRequestError(
                    f"tokens holds the id {token_id}; those of {request.model} are 0 to "
                    f"{num_ids - 1}.",
                    param="tokens",
                )
        is_long = len(request.tokens) > SHORT_PROMPT_CHARS
        text = await off_loop(is_long, lambda: tokenizer.decode(request.tokens))
        body: TokensText = {"prompt": text}
        return json_response(body)
