"""What every request passes first: an id, an answer whatever happens, one line in the log."""

import logging
import re
import time
import uuid
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.caller import caller
from api.delivery import JSON_HEADERS, send_body
from api.disconnect import ClientDisconnectedError
from api.errors import (
    CLIENT_CLOSED_REQUEST,
    ApiError,
    MethodNotAllowedError,
)
from api.messages_error import error_body, is_anthropics
from api.metrics import Metrics
from api.missing_routes import missing_route, unsupported_route
from api.running_requests import RunningRequests

logger = logging.getLogger("kamado.access")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
"""What may stand in our log and headers. A caller's X-Request-Id of another form is not taken."""


class FrontDoor:
    """Errors become OpenAI's JSON, or Anthropic's on its routes. The log has neither prompts nor
    answers nor addresses."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, running: RunningRequests | None = None
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._running = running or RunningRequests()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1003, "reason": "HTTP only"})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = {**scope, "app": self}  # with an "app", Starlette's router raises its 404 and 405
        request_id = _request_id(scope)
        id_headers = [(name, request_id.encode()) for name in (b"x-request-id", b"request-id")]
        started_s = time.monotonic()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", ()), *id_headers]}
            await send(message)

        try:
            with self._running.entered(request_id):
                await self._app(scope, receive, send_with_id)
        except ClientDisconnectedError:  # in logs and metrics only: there was nobody to answer
            status = CLIENT_CLOSED_REQUEST
        except Exception as error:
            refusal = _as_api_error(error, scope)
            if type(refusal) is ApiError:
                logger.exception("%s failed", request_id)
            if not status:
                headers = [*JSON_HEADERS, *refusal.headers]
                body = refusal.body
                if is_anthropics(scope["path"]):
                    body = error_body(refusal, request_id)
                await send_body(send_with_id, refusal.status, body, headers)
        finally:
            self._record(scope, status, time.monotonic() - started_s, request_id)

    def _record(self, scope: Scope, status: int, duration_s: float, request_id: str) -> None:
        status = status or CLIENT_CLOSED_REQUEST
        self._metrics.count_request(_route(scope), status, caller.get())
        path = quote(scope["path"][:200], safe="/:")
        method = quote(scope["method"][:20])
        who = "" if caller.get() is None else f" {caller.get()}"
        taken_ms = duration_s * 1000
        logger.info("%s %s %d %.0f ms %s%s", method, path, status, taken_ms, request_id, who)


def _request_id(scope: Scope) -> str:
    """The caller's own, so that both sides' logs name the same; or a new one."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else f"req_{uuid.uuid4().hex}"


def _as_api_error(error: Exception, scope: Scope) -> ApiError:
    if isinstance(error, ApiError):
        return error
    method, path = scope["method"][:20], scope["path"][:200]
    if isinstance(error, HTTPException) and error.status_code == 404:
        return missing_route(method, path)
    if isinstance(error, HTTPException) and error.status_code == 405:
        refusal = MethodNotAllowedError(f"{path} does not take {method}.")
        return unsupported_route(method, path) or refusal
    return ApiError("the request failed inside the service.")


def _route(scope: Scope) -> str:
    """The pattern of the route that answered: a label of few values, unlike the path."""
    route = scope.get("route")
    return getattr(route, "path", None) or "unknown"
