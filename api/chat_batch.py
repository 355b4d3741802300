"""POST /v1/chat/completions/batch: many conversations in one call, each answered as soon as it is
complete.

The answer is NDJSON, a line for each: {"index", "status", "body"}, where the body is what
/v1/chat/completions would have answered with that status. A request at fault fails alone.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.types import Receive, Scope, Send
from typing_extensions import TypedDict

from api.chat_request import ChatRequest
from api.chat_shapes import ChatCompletion
from api.completions import chat_answer
from api.delivery import DeliveryLimits, send_part, start_response, whole_answer
from api.disconnect import unless_disconnected
from api.errors import ApiError, ErrorBody, InvalidRequestError
from api.fields import Fields
from api.generator import Generator
from api.json_body import read_json, validated
from api.served_model import ServedModel

logger = logging.getLogger("kamado.api")

MAX_REQUESTS = 1024
NDJSON_HEADERS = [
    (b"content-type", b"application/x-ndjson"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class ChatBatchRequest(Fields):
    requests: list[dict[str, Any]] = Field(min_length=1, max_length=MAX_REQUESTS)
    """Each as for /v1/chat/completions, but not streamed."""


class ChatBatchLine(TypedDict):
    index: int
    """Of the request that it answers."""
    status: int
    body: ChatCompletion | ErrorBody


class ChatBatch:
    def __init__(
        self,
        served: ServedModel,
        generator: Generator,
        *,
        max_body_bytes: int,
        limits: DeliveryLimits,
    ) -> None:
        self._served = served
        self._generator = generator
        self._max_body_bytes = max_body_bytes
        self._limits = limits

    async def batch(self, http: Request) -> "ChatBatchDelivery":
        """Raises ApiError for the call as a whole."""
        batch = await read_json(
            http.scope, http.receive, ChatBatchRequest, max_bytes=self._max_body_bytes
        )
        self._served.ready_text()
        return ChatBatchDelivery(
            batch.requests,
            self._generator,
            max_at_once=self._served.runner.limits.max_num_seqs,
            limits=self._limits,
        )


class ChatBatchDelivery:
    """The response to one call, as an ASGI application. Ends every generation whichever way it
    ends."""

    def __init__(
        self,
        requests: Sequence[dict[str, Any]],
        generator: Generator,
        *,
        max_at_once: int,
        limits: DeliveryLimits,
    ) -> None:
        """`max_at_once`: as many as the engine computes, so that one call does not take the whole
        queue from the others."""
        self._requests = requests
        self._generator = generator
        self._window = asyncio.Semaphore(max_at_once)
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await unless_disconnected(receive, self._stream(send))

    async def _stream(self, send: Send) -> None:
        await start_response(send, 200, NDJSON_HEADERS)
        tasks = [
            asyncio.create_task(self._line(index, fields))
            for index, fields in enumerate(self._requests)
        ]
        try:
            for line in asyncio.as_completed(tasks):
                await send_part(send, await line, more=True, timeout_s=self._limits.write_s)
            await send_part(send, b"", more=False, timeout_s=self._limits.write_s)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _line(self, index: int, fields: dict[str, Any]) -> bytes:
        status = 200
        try:
            async with self._window:
                body = await self._answer(fields)
        except ApiError as error:
            status, body = error.status, error.body
        except Exception:
            logger.exception("an answer of a batch failed")
            failure = ApiError("the answer failed inside the service.")
            status, body = failure.status, failure.body
        return b'{"index":%d,"status":%d,"body":%b}\n' % (index, status, body)

    async def _answer(self, fields: dict[str, Any]) -> bytes:
        """Raises ApiError."""
        request = await asyncio.to_thread(validated, fields, ChatRequest)  # it may be megabytes
        if request.stream:
            raise InvalidRequestError(
                "stream is true; the answers of a batch come whole. Leave it out.", param="stream"
            )
        chat = await self._generator.chat(request)
        try:
            return await whole_answer(chat.generation, chat_answer(request, chat), self._limits)
        finally:
            chat.generation.abort()
