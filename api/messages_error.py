"""Refusals as Anthropic's clients expect them."""

from http import HTTPStatus

import orjson

from api.errors import ApiError
from api.messages_shapes import MessageError, MessageErrorEvent, MessageFault

PATH = "/v1/messages"
"""Whatever is refused at or below it is refused in this shape."""

THREAD_UNSUPPORTED = "thread_unsupported_request"
"""Told this, Anthropic's client sends the whole conversation with each turn instead."""

_TYPES: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "request_too_large",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
    HTTPStatus.SERVICE_UNAVAILABLE: "overloaded_error",
    HTTPStatus.GATEWAY_TIMEOUT: "timeout_error",
}


def is_anthropics(path: str) -> bool:
    return path == PATH or path.startswith(PATH + "/")


def error_json(error: ApiError) -> MessageErrorEvent:
    """As far as it does not say which request it answers."""
    default = "invalid_request_error" if error.status < 500 else "api_error"
    kind = _TYPES.get(error.status, default)
    fault: MessageFault = {"type": kind, "message": error.shown}
    if error.code == THREAD_UNSUPPORTED:
        fault["details"] = {"error_code": THREAD_UNSUPPORTED, "unsupported": ["thread"]}
    return {"type": "error", "error": fault}


def error_body(error: ApiError, request_id: str) -> bytes:
    body: MessageError = {**error_json(error), "request_id": request_id}
    return orjson.dumps(body)
