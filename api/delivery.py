"""Gets one generation's answer to its caller, whole or as server-sent events; gives up when the
caller does."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

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


PING = b": still here\n\n"
"""A comment in server-sent events."""


@dataclass(frozen=True, slots=True)
class DeliveryLimits:
    answer_s: float = 600.0
    """From admission to the last token."""
    write_s: float = 30.0
    """A reader of a stream may make no progress for so long."""
    ping_s: float = 15.0
    """A stream that has nothing to say for so long says a comment: proxies cut what is silent."""


class Delivery:
    """The response to one call, as an ASGI application. Ends the generation whichever way it ends.

    Raises ApiError before anything is sent, and ClientDisconnectedError.
    """

    def __init__(
        self,
        generation: Generation,
        answer: Answer,
        *,
        stream: bool,
        limits: DeliveryLimits,
        before_end: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`before_end`: awaited once the answer is complete, and before its caller learns so."""
        self._before_end = before_end
        self._generation = generation
        self._answer = answer
        self._is_stream = stream
        self._limits = limits
        self._written_s = 0.0

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
        body = await whole_answer(self._generation, self._answer, self._limits)
        if self._before_end is not None:
            await self._before_end()
        return body

    async def _stream(self, send: Send) -> None:
        """After the first byte, a failure can only be told as an event. Then there is no [DONE]."""
        await start_response(send, 200, EVENT_HEADERS)
        self._written_s = time.monotonic()
        pinging = asyncio.create_task(self._ping(send))
        try:
            async with asyncio.timeout(self._limits.answer_s):
                await self._write(send, self._answer.opening())
                async with aclosing(self._generation.deltas()) as batches:
                    async for deltas in batches:
                        await self._write(send, self._answer.events(deltas))
                last = self._answer.closing(self._generation.usage)
                if self._before_end is not None:
                    await self._before_end()
        except ApiError as error:
            last = self._answer.failure(error)
        except TimeoutError:
            last = self._answer.failure(deadline_error(self._limits))
        except ClientDisconnectedError:
            raise
        except Exception:
            logger.exception("a stream failed")
            last = self._answer.failure(ApiError("the answer failed inside the service."))
        finally:
            pinging.cancel()
        await self._write(send, last, more=False)

    async def _write(self, send: Send, events: bytes, *, more: bool = True) -> None:
        """Raises ClientDisconnectedError for a reader that has stopped reading."""
        if events or not more:
            self._written_s = time.monotonic()
            await send_part(send, events, more=more, timeout_s=self._limits.write_s)

    async def _ping(self, send: Send) -> None:
        with suppress(ClientDisconnectedError):  # whoever writes next will find out
            while True:
                silent_s = time.monotonic() - self._written_s
                if silent_s >= self._limits.ping_s:
                    await self._write(send, PING)
                else:
                    await asyncio.sleep(self._limits.ping_s - silent_s)


async def whole_answer(generation: Generation, answer: Answer, limits: DeliveryLimits) -> bytes:
    """The JSON body. Raises ApiError."""
    try:
        async with asyncio.timeout(limits.answer_s):
            choices = await generation.texts()
    except TimeoutError:
        raise deadline_error(limits) from None
    return answer.whole(choices, generation.usage)


def deadline_error(limits: DeliveryLimits) -> ApiError:
    return DeadlineError(
        f"the answer was not complete after {limits.answer_s:g} seconds, which is this "
        "service's limit. Ask for fewer tokens, or try again later."
    )


async def send_part(send: Send, body: bytes, *, more: bool, timeout_s: float) -> None:
    """Raises ClientDisconnectedError for a reader that has stopped reading for so long."""
    try:
        async with asyncio.timeout(timeout_s):
            await send({"type": "http.response.body", "body": body, "more_body": more})
    except TimeoutError:
        raise ClientDisconnectedError from None


async def send_body(
    send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    length = (b"content-length", str(len(body)).encode())
    await start_response(send, status, [*headers, length])
    await send({"type": "http.response.body", "body": body})


async def start_response(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
