"""What each route may refuse, as the OpenAPI document tells of it: every status with an example
that is made as the real ones are."""

from collections.abc import Iterator

import orjson

from api.answer import Json
from api.errors import (
    ApiError,
    BodyTooLargeError,
    DeadlineError,
    ErrorBody,
    InvalidRequestError,
    NotFoundError,
    OverloadedError,
    RequestCancelledError,
    SlowBodyError,
    UnauthorizedError,
    UnavailableError,
    UnsupportedMediaError,
)
from api.messages_error import error_body
from api.messages_shapes import MessageError
from api.operation import JSON, Operation

SHAPES: tuple[type, type] = (ErrorBody, MessageError)
"""OpenAI's, and Anthropic's on its own routes."""

_EXAMPLES: dict[ApiError, str] = {
    InvalidRequestError(
        "temperature is 3.0: Input should be less than or equal to 2.", param="temperature"
    ): "A field is at fault: it is named, with its value and the limit",
    UnauthorizedError("this is none of the API keys of this service."): (
        "No API key, or a wrong one; only where the service has keys"
    ),
    NotFoundError(
        "the model 'gpt-5' does not exist here; 'pocket' does.",
        param="model",
        code="model_not_found",
    ): "There is nothing of that name",
    SlowBodyError("the body did not arrive within 30 seconds."): "The body did not arrive in time",
    BodyTooLargeError("the body is larger than 4194304 bytes, which is the limit."): (
        "The body is larger than this service takes"
    ),
    UnsupportedMediaError("content-type 'text/html' is not accepted; send application/json."): (
        "Not the media type that this route reads, or compressed"
    ),
    OverloadedError("the queue is full. Try again later.", retry_after_s=2.0): (
        "As many wait as may wait; Retry-After says when to come again"
    ),
    RequestCancelledError("the request was cancelled by its id."): (
        "Ended by its id, by somebody who may"
    ),
    ApiError("the request failed inside the service."): "A fault of this service",
    UnavailableError("the model is still loading.", retry_after_s=5.0): (
        "Loading, shutting down, or the disk is full; Retry-After says when to come again"
    ),
    DeadlineError("the answer took longer than 600 seconds."): (
        "The service's own deadline for an answer passed"
    ),
}
_READING = (
    InvalidRequestError,
    SlowBodyError,
    BodyTooLargeError,
    UnsupportedMediaError,
    OverloadedError,
)
_WAITING = (NotFoundError, RequestCancelledError, DeadlineError)
_RETRY: Json = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}


def refusal_components(openais: Json, anthropics: Json) -> Json:
    """Name -> response, for `components`. The arguments are references to the schemas of SHAPES."""
    return {
        **{_name(error): _response(error, openais, error.body) for error in _EXAMPLES},
        **{
            _name(error, prefix="Anthropic"): _response(
                error, anthropics, error_body(error, "req_1")
            )
            for error in _EXAMPLES
        },
    }


def refusals(operation: Operation) -> Json:
    """Status -> reference to a response."""
    prefix = "Anthropic" if operation.is_anthropics else ""
    kinds = {*_kinds(operation)}
    return {
        str(int(error.status)): {"$ref": f"#/components/responses/{_name(error, prefix)}"}
        for error in _EXAMPLES
        if type(error) in kinds
    }


def _kinds(operation: Operation) -> Iterator[type[ApiError]]:
    yield from (ApiError, UnauthorizedError, UnavailableError)
    if operation.reads_body:
        yield from _READING
    if operation.query is not None or operation.path_parameters:
        yield from (InvalidRequestError, NotFoundError)
    if operation.names_model:
        yield from _WAITING


def _name(error: ApiError, prefix: str = "") -> str:
    return prefix + type(error).__name__


def _response(error: ApiError, schema: Json, body: bytes) -> Json:
    response: Json = {
        "description": _EXAMPLES[error],
        "content": {JSON: {"schema": schema, "example": orjson.loads(body)}},
    }
    return response | ({"headers": _RETRY} if error.retry_after_s is not None else {})
