"""A request's body, read within bounds and parsed without surprises."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import jiter
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.datastructures import Headers
from starlette.types import Receive, Scope

from api.disconnect import ClientDisconnectedError
from api.errors import (
    ApiError,
    BodyTooLargeError,
    InvalidRequestError,
    SlowBodyError,
    UnsupportedMediaError,
)

BODY_TIMEOUT_S = 60.0
SMALL_BODY_BYTES = 32 * 1024
"""Parsed on the event loop; a thread's round trip would cost more than it saves."""

Fields = TypeVar("Fields", bound=BaseModel)
Result = TypeVar("Result")


async def read_json(
    scope: Scope, receive: Receive, model: type[Fields], *, max_bytes: int
) -> Fields:
    """Raises an ApiError of the 4xx kind, or ClientDisconnectedError."""
    headers = Headers(scope=scope)
    _check_media(headers)
    body = await read_body(headers, receive, max_bytes)
    return await off_loop(len(body) > SMALL_BODY_BYTES, lambda: parse(body, model))


async def off_loop(is_long: bool, work: Callable[[], Result]) -> Result:
    """Run `work` in a thread if it would hold up the event loop."""
    return await asyncio.to_thread(work) if is_long else work()


def parse(body: bytes, model: type[Fields]) -> Fields:
    """Raises InvalidRequestError naming the field at fault."""
    try:
        value = jiter.from_json(body, catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError as error:  # also for UTF-8, lone surrogates, depth over 200 and huge integers
        raise InvalidRequestError(
            f"the body is not valid JSON: {error}.", code="invalid_json"
        ) from None
    if not isinstance(value, dict):
        raise InvalidRequestError("the body must be a JSON object.", code="invalid_json")
    if rb"\u0000" in body and _has_nul(value):
        raise InvalidRequestError("the body contains a NUL character.")
    return validated(value, model)


def validated(value: dict[str, Any], model: type[Fields]) -> Fields:
    """Raises InvalidRequestError naming the field at fault."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _invalid(error.errors(include_url=False)[0]) from None


def media_type(headers: Headers) -> str:
    """Without its parameters; JSON's where none is given."""
    return headers.get("content-type", "application/json").partition(";")[0].strip().lower()


def _check_media(headers: Headers) -> None:
    given = media_type(headers)
    if given != "application/json":
        raise UnsupportedMediaError(
            f"content-type {given[:80]!r} is not accepted; send application/json."
        )


async def read_body(headers: Headers, receive: Receive, max_bytes: int) -> bytes:
    """Raises UnsupportedMediaError for a compressed one, BodyTooLargeError, SlowBodyError or
    ClientDisconnectedError."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise UnsupportedMediaError(
            f"content-encoding {encoding[:40]!r} is not accepted; send the body uncompressed."
        )
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > max_bytes:
        raise _too_large(max_bytes)
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body = bytearray()
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnectedError
                body += message.get("body", b"")
                if len(body) > max_bytes:
                    raise _too_large(max_bytes)
                more = message.get("more_body", False)
    except TimeoutError:
        raise SlowBodyError(
            f"the body did not arrive within {BODY_TIMEOUT_S:.0f} seconds."
        ) from None
    return bytes(body)


def _too_large(max_bytes: int) -> ApiError:
    return BodyTooLargeError(f"the body is larger than {max_bytes} bytes, which is the limit.")


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_has_nul, value))


def _invalid(error: ErrorDetails) -> ApiError:
    """The first fault, as `messages[0].content: ...`."""
    field = _path(error["loc"])
    if error["type"] == "extra_forbidden":
        return InvalidRequestError(
            f"unknown field {field!r}; it is not part of this API.",
            param=field,
            code="unknown_parameter",
        )
    if error["type"] == "missing":
        return InvalidRequestError(
            f"the field {field!r} is required.", param=field, code="missing_required_parameter"
        )
    cause = (error.get("ctx") or {}).get("error")
    if isinstance(cause, ApiError):
        return cause
    shown = error["input"]
    given = f" is {shown!r:.60}" if isinstance(shown, str | int | float) else ""
    reason = str(cause) if cause is not None else error["msg"]
    return InvalidRequestError(f"{field}{given}: {reason}.", param=field)


def _path(location: tuple[int | str, ...]) -> str:
    """Leaves out the names of union members, which are ours and start with "="."""
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        elif not step.startswith("="):
            path += f".{step}" if path else step
    return path[:200]
