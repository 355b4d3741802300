"""Gets one generation's answer to its caller, whole or as server-sent events; gives up when the
caller does."""

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass

from starlette.types import Message, Receive, Scope, Send

from api.answer import Answer
from api.disconnect import ClientDisconnectedError, unless_disconnected
from api.errors import ApiError, DeadlineError
from api.generation import Generation

logger = logging.getLogger("kamado.api")

JSON_HEADERS = [(b"content-type", b"application/json")]
EVENT_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


@dataclass(frozen=True, slots=True)
class DeliveryLimits:
    answer_s: float = 600.0
    """From admission to the last token."""
    write_s: float = 30.0
    """A reader of a stream may make no progress for so long."""


class Delivery:
    """The response to one call, as an ASGI application. Ends the generation whichever way it ends.

    Raises ApiError before anything is sent, and ClientDisconnectedError.
    """

    def __init__(
        self, generation: Generation, answer: Answer, *, stream: bool, limits: DeliveryLimits
    ) -> None:
        self._generation = generation
        self._answer = answer
        self._is_stream = stream
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if self._is_stream:
                await unless_disconnected(receive, self._stream(send))
            else:
                body = await unless_disconnected(receive, self._whole())
                await send_body(send, 200, body, JSON_HEADERS)
        finally:
            self._generation.abort()

    async def _whole(self) -> bytes:
        try:
            async with asyncio.timeout(self._limits.answer_s):
                choices = await self._generation.texts()
        except TimeoutError:
            raise self._deadline() from None
        return self._answer.whole(choices, self._generation.usage)

    async def _stream(self, send: Send) -> None:
        """After the first byte, a failure can only be told as an event. Then there is no [DONE]."""
        await send(_start(200, EVENT_HEADERS))
        try:
            async with asyncio.timeout(self._limits.answer_s):
                await self._write(send, self._answer.opening())
                async with aclosing(self._generation.deltas()) as batches:
                    async for deltas in batches:
                        await self._write(send, self._answer.events(deltas))
                last = self._answer.closing(self._generation.usage)
        except ApiError as error:
            last = self._answer.failure(error)
        except TimeoutError:
            last = self._answer.failure(self._deadline())
        except ClientDisconnectedError:
            raise
        except Exception:
            logger.exception("a stream failed")
            last = self._answer.failure(ApiError("the answer failed inside the service."))
        await self._write(send, last, more=False)

    async def _write(self, send: Send, events: bytes, *, more: bool = True) -> None:
        """Raises ClientDisconnectedError for a reader that has stopped reading."""
        if not events and more:
            return
        try:
            async with asyncio.timeout(self._limits.write_s):
                await send({"type": "http.response.body", "body": events, "more_body": more})
        except TimeoutError:
            raise ClientDisconnectedError from None

    def _deadline(self) -> ApiError:
        return DeadlineError(
            f"the answer was not complete after {self._limits.answer_s:g} seconds, which is this "
            "service's limit. Ask for fewer tokens, or try again later."
        )


async def send_body(
    send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send(_start(status, [*headers, length]))
    await send({"type": "http.response.body", "body": body})


def _start(status: int, headers: list[tuple[bytes, bytes]]) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}
