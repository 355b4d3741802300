"""What the engine refuses or fails, and why.

EngineError
├── RequestError          the request can never be served as it is; names field, value and limit
│   └── ContextLengthError    prompt and output together are longer than a sequence can be
├── QueueFullError        the waiting queue is at its limit; try again later
└── EngineClosedError     the engine has stopped and takes no more requests
"""


class EngineError(Exception):
    """Anything the engine raises on purpose."""


class RequestError(EngineError):
    """`field` is the request's field at fault, as the caller named it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class ContextLengthError(RequestError):
    pass


class QueueFullError(EngineError):
    """`retry_after_s` is an estimate from the measured rate of completion."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class EngineClosedError(EngineError):
    pass
