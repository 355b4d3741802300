"""Anthropic's POST /v1/messages and /v1/messages/count_tokens, over the same generation as the chat
completions."""

import uuid

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.answer_blocks import AnswerBlocks
from api.delivery import Delivery, DeliveryLimits
from api.errors import InvalidRequestError
from api.generator import Generator
from api.json_body import read_json
from api.json_response import json_response
from api.messages_answer import MessagesAnswer
from api.messages_request import (
    FIELD_NAMES,
    CountTokensRequest,
    MessagesRequest,
    in_anthropics_words,
)
from api.messages_shapes import TokenCount


class Messages:
    def __init__(
        self, generator: Generator, *, max_body_bytes: int, limits: DeliveryLimits
    ) -> None:
        self._generator = generator
        self._max_body_bytes = max_body_bytes
        self._limits = limits

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/v1/messages", self.create, methods=["POST"]),
            Route("/v1/messages/count_tokens", self.count_tokens, methods=["POST"]),
        ]

    async def create(self, http: Request) -> Delivery:
        """Raises ApiError or ClientDisconnectedError, with nothing queued."""
        request = await read_json(
            http.scope, http.receive, MessagesRequest, max_bytes=self._max_body_bytes
        )
        try:
            chat = await self._generator.chat(request.of_chat, FIELD_NAMES)
        except InvalidRequestError as error:
            raise in_anthropics_words(error) from error
        answer = MessagesAnswer(
            f"msg_{uuid.uuid4().hex}",
            request.model,
            AnswerBlocks(chat.parsers[0], chat.call_id_length),
            chat.generation.usage.prompt_tokens,
        )
        return Delivery(chat.generation, answer, stream=bool(request.stream), limits=self._limits)

    async def count_tokens(self, http: Request) -> Response:
        """Raises ApiError or ClientDisconnectedError."""
        request = await read_json(
            http.scope, http.receive, CountTokensRequest, max_bytes=self._max_body_bytes
        )
        ids = await self._generator.chat_ids(request.of_chat)
        count: TokenCount = {"input_tokens": len(ids)}
        return json_response(count)
