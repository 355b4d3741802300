"""POST /v1/files, the request: a form with one file in it, read within bounds."""

import asyncio
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from pydantic import Field
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from api.disconnect import ClientDisconnectedError
from api.errors import (
    BodyTooLargeError,
    InvalidRequestError,
    SlowBodyError,
    UnsupportedMediaError,
)
from api.json_body import validated
from api.listing import QueryFields

STALL_TIMEOUT_S = 30.0
"""Between two pieces of the body; a large file may take its time, a stalled one may not."""

FORM_BYTES = 64 * 1024
"""For all of the body that is not the file."""

MAX_FILENAME_CHARS = 255


class FormFields(QueryFields):
    """What stands beside the file. All of it is spelt out, as in a query."""

    purpose: Literal["batch"]
    anchor: Literal["created_at"] | None = Field(default=None, alias="expires_after[anchor]")
    expires_s: int | None = Field(
        default=None, alias="expires_after[seconds]", ge=3600, le=30 * 86_400
    )


@dataclass(frozen=True, slots=True)
class Upload:
    """`file` is in memory or on the disk, as its size demands; its owner closes it."""

    file: UploadFile
    filename: str
    expires_s: int | None


async def read_upload(request: Request, max_file_bytes: int) -> Upload:
    """Raises an ApiError of the 4xx kind, or ClientDisconnectedError."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "multipart/form-data":
        raise UnsupportedMediaError(
            f"content-type {media_type[:80]!r} is not accepted; send multipart/form-data."
        )
    bounded = _bounded(request.receive, request.headers, max_file_bytes)
    try:
        form = await Request(request.scope, bounded).form(
            max_files=1, max_fields=8, max_part_size=FORM_BYTES
        )
    except ClientDisconnect:
        raise ClientDisconnectedError from None
    except HTTPException as error:
        raise InvalidRequestError(f"the form cannot be read: {error.detail}") from None
    try:
        return _upload(form, max_file_bytes)
    except BaseException:
        await form.close()
        raise


def _upload(form: FormData, max_file_bytes: int) -> Upload:
    fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    files = {name: value for name, value in form.multi_items() if isinstance(value, UploadFile)}
    if len(fields) + len(files) < len(form.multi_items()):
        raise InvalidRequestError("the form has a field twice.")
    file = files.get("file")
    if file is None:
        raise InvalidRequestError(
            "the field 'file' is required.", param="file", code="missing_required_parameter"
        )
    given = validated(fields, FormFields)
    if (given.anchor is None) != (given.expires_s is None):
        raise InvalidRequestError(
            "expires_after needs both, anchor and seconds.", param="expires_after"
        )
    if not file.size:
        raise InvalidRequestError("the file is empty.", param="file")
    if file.size > max_file_bytes:
        raise _too_large(max_file_bytes)
    name = PurePath(file.filename or "").name[-MAX_FILENAME_CHARS:]
    return Upload(file, name if name.isprintable() and name else "upload.jsonl", given.expires_s)


def _bounded(receive: Receive, headers: Headers, max_file_bytes: int) -> Receive:
    """Raises BodyTooLargeError and SlowBodyError from within whoever reads."""
    left = max_file_bytes + FORM_BYTES
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > left:
        raise _too_large(max_file_bytes)

    async def bounded() -> Message:
        nonlocal left
        try:
            async with asyncio.timeout(STALL_TIMEOUT_S):
                message = await receive()
        except TimeoutError:
            raise SlowBodyError(
                f"nothing of the file arrived within {STALL_TIMEOUT_S:.0f} seconds."
            ) from None
        left -= len(message.get("body", b""))
        if left < 0:
            raise _too_large(max_file_bytes)
        return message

    return bounded


def _too_large(max_file_bytes: int) -> BodyTooLargeError:
    return BodyTooLargeError(
        f"the file is larger than {max_file_bytes} bytes, which is the limit. Split it.",
        param="file",
    )
