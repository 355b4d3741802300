"""What can go wrong between a caller and the server. Every class extends langchain-core's own of
the same condition, so that code which knows only those catches ours.

KamadoError                   the base; also an answer with a status that none below stands for
├── BadRequestError           400, 413, 415   a field, a value or a body that can never be served
│   └── ContextLengthError    400             prompt and answer together are too long
├── AuthenticationError       401             no key, or a wrong one
├── PermissionDeniedError     403             a key that may not do this
├── ModelNameError            404             no such model or route
├── RateLimitError            429             the queue or the key's budget is full
├── RequestCancelledError     499             somebody cancelled the request by its id
├── ServerError               408, 409, 5xx   the server failed, or is loading or shutting down
├── AnswerTimeoutError                        the caller's own `timeout` has passed
└── ServerConnectionError                     the server cannot be reached
    └── InterruptedAnswerError                it was, but the answer broke off
"""

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
)


class KamadoError(ModelError):
    """`param` is the request's field at fault, `code` is for programs to read, `request_id` is in
    the server's log. `status` is None where there was no HTTP answer."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.request_id = request_id
        self.retry_after_s = retry_after_s


class BadRequestError(KamadoError, ModelInvalidRequestError):
    pass


class ContextLengthError(BadRequestError, ContextOverflowError):
    pass


class AuthenticationError(KamadoError, ModelAuthenticationError):
    pass


class PermissionDeniedError(KamadoError, ModelPermissionDeniedError):
    pass


class ModelNameError(KamadoError, ModelNotFoundError):
    pass


class RateLimitError(KamadoError, ModelRateLimitError):
    pass


class RequestCancelledError(KamadoError):
    pass


class ServerError(KamadoError, ModelAPIError):
    pass


class AnswerTimeoutError(KamadoError, ModelTimeoutError):
    is_retryable = False
    """The time that the caller gave is spent."""


class ServerConnectionError(KamadoError, ModelConnectionError):
    pass


class InterruptedAnswerError(ServerConnectionError):
    pass


_BY_STATUS: dict[int, type[KamadoError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: ModelNameError,
    408: ServerError,
    409: ServerError,
    413: BadRequestError,
    415: BadRequestError,
    429: RateLimitError,
    499: RequestCancelledError,
}
_BY_CODE: dict[str, type[KamadoError]] = {
    "context_length_exceeded": ContextLengthError,
    "request_cancelled": RequestCancelledError,
    "service_unavailable": ServerError,
    "deadline_exceeded": ServerError,
    "queue_full": RateLimitError,
}
_BY_TYPE: dict[str, type[KamadoError]] = {
    "invalid_request_error": BadRequestError,
    "rate_limit_error": RateLimitError,
    "server_error": ServerError,
}


def error_from(
    body: object,
    *,
    status: int | None = None,
    request_id: str | None = None,
    retry_after_s: float | None = None,
) -> KamadoError:
    """From an answer's JSON body, {"error": {"message", "type", "param", "code"}}; `status` is None
    for an error told within a stream. Whatever else the body is, is not shown: it is not ours."""
    told = body.get("error") if isinstance(body, dict) else None
    error = told if isinstance(told, dict) else {}
    code, kind = str(error.get("code") or ""), str(error.get("type") or "")
    by_status = ServerError if (status or 0) >= 500 else _BY_STATUS.get(status or 0)
    cls = _BY_CODE.get(code) or by_status or _BY_TYPE.get(kind, KamadoError)
    return cls(
        str(error.get("message") or f"the server answered with status {status}."),
        status=status,
        code=code or None,
        param=error.get("param"),
        request_id=request_id,
        retry_after_s=retry_after_s,
    )
