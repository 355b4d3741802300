"""One server, as a model speaks to it: calls in, JSON objects out, failures as typed errors.

httpx is imported at the first call: it takes longer than all the rest of the package.
"""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from langchain_kamado.attempts import Attempts
from langchain_kamado.decoders import Decoder, EventStream, Json, JsonLines, WholeBody
from langchain_kamado.errors import (
    InterruptedAnswerError,
    KamadoError,
    ServerConnectionError,
    error_from,
)

if TYPE_CHECKING:
    import httpx

CONNECT_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Call:
    """`request_id` is the server's too: in its log, and for cancelling."""

    path: str
    body: Json | None = None
    """None: a GET."""
    request_id: str = field(default_factory=lambda: f"req_{uuid.uuid4().hex}")


@dataclass(frozen=True, slots=True)
class Connection:
    base_url: str
    """Without /v1."""
    api_key: SecretStr | None
    timeout_s: float | None
    """For a whole call, its retries included."""
    max_retries: int

    def ask(self, call: Call) -> Json:
        """One object for an answer. Raises KamadoError."""
        (answer,) = self._items(call, WholeBody())
        return answer

    def events(self, call: Call) -> Generator[Json]:
        """Those of a stream, as they arrive. Leaving it early ends the call, and so the answer.
        Raises KamadoError."""
        return self._items(call, EventStream())

    def lines(self, call: Call) -> Generator[Json]:
        """Those of NDJSON, as they arrive. Raises KamadoError."""
        return self._items(call, JsonLines())

    async def aask(self, call: Call) -> Json:
        """As `ask`."""
        async with aclosing(self._aitems(call, WholeBody())) as items:
            return await anext(items)

    def aevents(self, call: Call) -> AsyncGenerator[Json]:
        """As `events`."""
        return self._aitems(call, EventStream())

    def alines(self, call: Call) -> AsyncGenerator[Json]:
        """As `lines`."""
        return self._aitems(call, JsonLines())

    def _items(self, call: Call, decoder: Decoder) -> Generator[Json]:
        """The blocking twin of `_aitems`."""
        import httpx

        from langchain_kamado.transport import sync_client

        attempts, has_begun = Attempts(self.max_retries, self.timeout_s), False
        while True:
            try:
                request = self._request(call, attempts.remaining_s())
                with sync_client().stream(**request) as response:
                    if not response.is_success:
                        response.read()
                        raise _refusal(response)
                    for data in response.iter_bytes():
                        attempts.remaining_s()
                        for item in decoder.feed(data):
                            has_begun = True
                            yield item
                yield from decoder.finish()
                return
            except (httpx.HTTPError, KamadoError) as error:
                failure = self._failure(error, call, attempts)
            time.sleep(attempts.pause_s(failure, has_begun=has_begun))
            decoder = type(decoder)()

    async def _aitems(self, call: Call, decoder: Decoder) -> AsyncGenerator[Json]:
        """The asynchronous twin of `_items`."""
        import httpx

        from langchain_kamado.transport import async_client

        attempts, has_begun = Attempts(self.max_retries, self.timeout_s), False
        while True:
            try:
                request = self._request(call, attempts.remaining_s())
                async with (await async_client()).stream(**request) as response:
                    if not response.is_success:
                        await response.aread()
                        raise _refusal(response)
                    async for data in response.aiter_bytes():
                        attempts.remaining_s()
                        for item in decoder.feed(data):
                            has_begun = True
                            yield item
                for item in decoder.finish():
                    yield item
                return
            except (httpx.HTTPError, KamadoError) as error:
                failure = self._failure(error, call, attempts)
            await asyncio.sleep(attempts.pause_s(failure, has_begun=has_begun))
            decoder = type(decoder)()

    def _request(self, call: Call, timeout_s: float | None) -> dict[str, Any]:
        """What httpx takes for it."""
        import httpx

        connect_s = CONNECT_TIMEOUT_S if timeout_s is None else min(CONNECT_TIMEOUT_S, timeout_s)
        headers = {"x-request-id": call.request_id}
        if self.api_key is not None:
            headers["authorization"] = f"Bearer {self.api_key.get_secret_value()}"
        request: dict[str, Any] = {
            "method": "GET" if call.body is None else "POST",
            "url": self.base_url + call.path,
            "headers": headers,
            "timeout": httpx.Timeout(timeout_s, connect=connect_s),
        }
        if call.body is not None:
            headers["content-type"] = "application/json"
            request["content"] = json.dumps(call.body, ensure_ascii=False, allow_nan=False).encode()
        return request

    def _failure(
        self, error: "httpx.HTTPError | KamadoError", call: Call, attempts: Attempts
    ) -> KamadoError:
        """What happened, in our words."""
        import httpx

        failure: KamadoError
        if isinstance(error, KamadoError):
            failure = error
        elif isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            failure = ServerConnectionError(
                f"no server answers at {self.base_url}: {error}. Is it running, and is base_url "
                "right?"
            )
        elif isinstance(error, httpx.TimeoutException):
            failure = attempts.timeout()
        else:
            failure = InterruptedAnswerError(
                f"the connection to {self.base_url} broke before the answer was complete: {error}."
            )
        if failure is not error:
            failure.__cause__ = error
        failure.request_id = failure.request_id or call.request_id
        return failure


def _refusal(response: "httpx.Response") -> KamadoError:
    try:
        body = response.json()
    except ValueError:
        body = None
    seconds = response.headers.get("retry-after", "")
    return error_from(
        body,
        status=response.status_code,
        request_id=response.headers.get("x-request-id"),
        retry_after_s=float(seconds) if seconds.isdecimal() else None,
    )
