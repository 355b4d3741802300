"""A batch's lines put to an HTTP application without a socket: the very path of an online request.

The application is handed in. Its limits, checks and answers are its own; what is added here is the
priority of a batch, and patience: a full queue or a model that loads is waited for.
"""

import asyncio
import json
from types import TracebackType
from typing import Any, Self

import httpx
import orjson
from starlette.types import ASGIApp

from runners.batch_line import BatchAnswer, BatchLine

BUSY_STATUSES = (429, 503)
MAX_RETRY_S = 5.0
"""The answer says how long a client should stay away; this one costs nobody a connection."""


class BatchCaller:
    """An async context manager. `call` may run many times at once."""

    def __init__(self, app: ASGIApp, *, priority: int) -> None:
        self._priority = priority
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://batch",
            timeout=None,
            trust_env=False,  # no proxy of the environment stands between
        )

    async def call(self, line: BatchLine) -> BatchAnswer:
        """Whatever the route says, refusals included. Ends its work when cancelled."""
        refusal = _refusal(line)
        if refusal is not None:
            return BatchAnswer(line.custom_id, 400, "", refusal)
        own = {"priority": self._priority} if line.generates else {}
        content = json.dumps(line.body | own, ensure_ascii=False).encode()
        headers = {"content-type": "application/json"}
        while True:
            response = await self._client.post(line.url, content=content, headers=headers)
            if response.status_code not in BUSY_STATUSES:
                break
            await asyncio.sleep(min(float(response.headers.get("retry-after", 1)), MAX_RETRY_S))
        request_id = response.headers.get("x-request-id", "")
        body = orjson.loads(response.content)
        return BatchAnswer(line.custom_id, response.status_code, request_id, body)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.aclose()


def _refusal(line: BatchLine) -> dict[str, Any] | None:
    """The error of a body that asks for what only a caller who waits can have."""
    if line.body.get("stream"):
        field, reason = "stream", "stream is set; a batch's answers are kept whole. Leave it out."
    elif line.generates and line.body.get("priority") is not None:
        field, reason = "priority", "priority is set; a batch has one of its own. Leave it out."
    else:
        return None
    error = {"message": reason, "type": "invalid_request_error", "param": field}
    return {"error": error | {"code": "unsupported_parameter"}}
