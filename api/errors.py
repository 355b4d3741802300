"""Every answer that is not a success, in OpenAI's shape.

ApiError                     500  our own fault; also the base
├── InvalidRequestError      400  a value, a field or a body that can never be served
├── UnauthorizedError        401  no API key, or none of those that this service takes
├── NotFoundError            404  no such route or model
├── MethodNotAllowedError    405
├── SlowBodyError            408  the body did not arrive in time
├── BodyTooLargeError        413
├── UnsupportedMediaError    415  not JSON, or compressed
├── OverloadedError          429  the queue is full; Retry-After says when to come again
├── RequestCancelledError    499  ended by its id, on request
├── UnavailableError         503  loading, or shutting down
└── DeadlineError            504  the service's own deadline passed before the answer was complete
"""

import math
from collections.abc import Mapping
from http import HTTPStatus

import orjson
from typing_extensions import TypedDict  # pydantic reads no other below Python 3.12

from runners.engine.errors import (
    ContextLengthError,
    EngineClosedError,
    EngineError,
    QueueFullError,
    RequestError,
)
from runners.errors import (
    ChatTemplateError,
    CompilerBusyError,
    GrammarRefusedError,
    TextError,
)

MAX_MESSAGE_CHARS = 1000


class Fault(TypedDict):
    """`param` is the request's field at fault; `code` is for programs to read."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(TypedDict):
    """OpenAI's shape of whatever is refused."""

    error: Fault


class ApiError(Exception):
    """`param` is the request's field at fault; `code` is for programs to read."""

    status: int = HTTPStatus.INTERNAL_SERVER_ERROR
    type = "server_error"
    code: str | None = None

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.param = param
        self.code = code or self.code
        self.retry_after_s = retry_after_s

    @property
    def shown(self) -> str:
        """The message, cut to what anybody reads."""
        message = str(self)
        return message if len(message) <= MAX_MESSAGE_CHARS else message[:MAX_MESSAGE_CHARS] + "…"

    @property
    def body(self) -> bytes:
        """ErrorBody, as JSON."""
        fault: Fault = {
            "message": self.shown,
            "type": self.type,
            "param": self.param,
            "code": self.code,
        }
        body: ErrorBody = {"error": fault}
        return orjson.dumps(body)

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        if self.retry_after_s is None:
            return []
        seconds = max(1, math.ceil(self.retry_after_s))
        return [(b"retry-after", str(seconds).encode())]


class InvalidRequestError(ApiError, ValueError):
    """A ValueError too, so that it passes through pydantic's validators."""

    status = HTTPStatus.BAD_REQUEST
    type = "invalid_request_error"
    code = "invalid_value"

    def renamed(self, names: Mapping[str, str]) -> "InvalidRequestError":
        """The same refusal to a caller who knows a field by another name."""
        message, param = str(self), self.param or ""
        for ours, theirs in names.items():
            message, param = message.replace(ours, theirs), param.replace(ours, theirs)
        return InvalidRequestError(message, param=param or None, code=self.code)


class UnauthorizedError(ApiError):
    """OpenAI's own type and code, which its clients make their AuthenticationError of."""

    status = HTTPStatus.UNAUTHORIZED
    type = "invalid_request_error"
    code = "invalid_api_key"

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        return [*super().headers, (b"www-authenticate", b"Bearer")]  # RFC 9110, 15.5.2


class NotFoundError(ApiError):
    status = HTTPStatus.NOT_FOUND
    type = "invalid_request_error"


class MethodNotAllowedError(ApiError):
    status = HTTPStatus.METHOD_NOT_ALLOWED
    type = "invalid_request_error"
    code = "method_not_allowed"


class SlowBodyError(ApiError):
    status = HTTPStatus.REQUEST_TIMEOUT
    type = "invalid_request_error"
    code = "request_timeout"


class BodyTooLargeError(ApiError):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    type = "invalid_request_error"
    code = "request_too_large"


class UnsupportedMediaError(ApiError):
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    type = "invalid_request_error"
    code = "unsupported_media_type"


class OverloadedError(ApiError):
    status = HTTPStatus.TOO_MANY_REQUESTS
    type = "rate_limit_error"
    code = "queue_full"


CLIENT_CLOSED_REQUEST = 499
"""nginx's number for a request that nobody waits for any more."""


class RequestCancelledError(ApiError):
    status = CLIENT_CLOSED_REQUEST
    type = "invalid_request_error"
    code = "request_cancelled"


class UnavailableError(ApiError):
    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "service_unavailable"


class DeadlineError(ApiError):
    status = HTTPStatus.GATEWAY_TIMEOUT
    code = "deadline_exceeded"


RETRY_UNAVAILABLE_S = 5.0
"""Loading takes seconds to minutes, and so does a restart."""


def api_error(
    error: EngineError | TextError, field_names: Mapping[str, str] | None = None
) -> ApiError:
    """The same refusal, as HTTP says it. `field_names`: the engine's name -> the caller's."""
    names = field_names or {}
    match error:
        case RequestError():
            code = "context_length_exceeded" if isinstance(error, ContextLengthError) else None
            field = names.get(error.field, error.field)
            return InvalidRequestError(str(error), param=field, code=code)
        case ChatTemplateError():
            return InvalidRequestError(str(error), param=names.get("messages", "messages"))
        case GrammarRefusedError():
            return InvalidRequestError(str(error), param=error.field)
        case CompilerBusyError():
            return UnavailableError(str(error), retry_after_s=1.0)
        case QueueFullError():
            return OverloadedError(str(error), retry_after_s=error.retry_after_s)
        case EngineClosedError():
            return UnavailableError(str(error), retry_after_s=RETRY_UNAVAILABLE_S)
        case _:
            return ApiError("the request failed inside the service.")
