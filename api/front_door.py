"""What every request passes first: an id, an answer whatever happens, one line in the log."""

import logging
import time
import uuid
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.delivery import JSON_HEADERS, send_body
from api.disconnect import ClientDisconnectedError
from api.errors import ApiError, MethodNotAllowedError, NotFoundError
from api.metrics import Metrics

logger = logging.getLogger("kamado.access")

CLIENT_CLOSED_REQUEST = 499
"""nginx's number, in logs and metrics only: there was nobody to answer."""


class FrontDoor:
    """Errors become OpenAI's JSON. The log has neither prompts nor answers nor addresses."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1003, "reason": "HTTP only"})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = {**scope, "app": self}  # with an "app", Starlette's router raises its 404 and 405
        request_id = f"req_{uuid.uuid4().hex}"
        id_header = (b"x-request-id", request_id.encode())
        started_s = time.monotonic()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", ()), id_header]}
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except ClientDisconnectedError:
            status = CLIENT_CLOSED_REQUEST
        except Exception as error:
            refusal = _as_api_error(error, scope)
            if type(refusal) is ApiError:
                logger.exception("%s failed", request_id)
            if not status:
                headers = [*JSON_HEADERS, *refusal.headers]
                await send_body(send_with_id, refusal.status, refusal.body, headers)
        finally:
            self._record(scope, status, time.monotonic() - started_s, request_id)

    def _record(self, scope: Scope, status: int, duration_s: float, request_id: str) -> None:
        status = status or CLIENT_CLOSED_REQUEST
        self._metrics.count_request(_route(scope), status)
        path = quote(scope["path"][:200], safe="/:")
        method = quote(scope["method"][:20])
        logger.info("%s %s %d %.0f ms %s", method, path, status, duration_s * 1000, request_id)


def _as_api_error(error: Exception, scope: Scope) -> ApiError:
    if isinstance(error, ApiError):
        return error
    method, path = scope["method"][:20], scope["path"][:200]
    if isinstance(error, HTTPException) and error.status_code == 404:
        return NotFoundError(f"there is no route {method} {path}.", code="unknown_route")
    if isinstance(error, HTTPException) and error.status_code == 405:
        return MethodNotAllowedError(f"{path} does not take {method}.")
    return ApiError("the request failed inside the service.")


def _route(scope: Scope) -> str:
    """The pattern of the route that answered: a label of few values, unlike the path."""
    route = scope.get("route")
    return getattr(route, "path", None) or "unknown"
