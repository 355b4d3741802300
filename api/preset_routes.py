"""POST /v1/translate and POST /v1/summarize: JSON for JSON, and plain text for plain text, the
other fields in the URL then."""

import time
import uuid
from collections.abc import Awaitable
from typing import Any, Literal, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typing_extensions import TypedDict

from api.answer import usage_json
from api.chat_shapes import CompletionUsage
from api.choice_text import TextEnding
from api.disconnect import unless_disconnected
from api.errors import InvalidRequestError
from api.json_body import media_type, read_body, read_json, validated
from api.json_response import json_response
from api.long_text import LongAnswer, LongText
from api.presets import PresetRequest, SummarizeRequest, TranslateRequest
from api.served_model import ServedModel

PLAIN = "text/plain"

AnyPreset = TypeVar("AnyPreset", bound=PresetRequest)


Kind = Literal["translation", "summary"]


class PresetAnswer(TypedDict):
    id: str
    object: Kind
    created: int
    model: str
    text: str
    finish_reason: TextEnding
    """length: some chunk's answer was cut."""
    usage: CompletionUsage


class Presets:
    def __init__(self, served: ServedModel, long_text: LongText, *, max_body_bytes: int) -> None:
        self._served = served
        self._long_text = long_text
        self._max_body_bytes = max_body_bytes

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/v1/translate", self.translate, methods=["POST"]),
            Route("/v1/summarize", self.summarize, methods=["POST"]),
        ]

    async def translate(self, http: Request) -> Response:
        """Raises ApiError or ClientDisconnectedError."""
        request = await self._read(http, TranslateRequest)
        work = self._long_text.mapped(request.text, request.messages, request.max_chunk_sentences)
        return await unless_disconnected(http.receive, self._respond(http, "translation", work))

    async def summarize(self, http: Request) -> Response:
        """Raises ApiError or ClientDisconnectedError."""
        request = await self._read(http, SummarizeRequest)
        work = self._long_text.reduced(request.text, request.messages, request.max_chunk_sentences)
        return await unless_disconnected(http.receive, self._respond(http, "summary", work))

    async def _read(self, http: Request, model: type[AnyPreset]) -> AnyPreset:
        if media_type(http.headers) == PLAIN:
            request = validated(await self._plain_fields(http), model)
        else:
            request = await read_json(
                http.scope, http.receive, model, max_bytes=self._max_body_bytes
            )
        if request.model is not None:
            self._served.check_name(request.model)
        return request

    async def _plain_fields(self, http: Request) -> dict[str, Any]:
        body = await read_body(http.headers, http.receive, self._max_body_bytes)
        try:
            text = body.decode()
        except UnicodeDecodeError as error:
            raise InvalidRequestError(
                f"the body is not UTF-8: byte {error.start} begins no character.", param="text"
            ) from None
        fields: dict[str, Any] = dict(http.query_params)
        number = fields.get("max_chunk_sentences", "")
        if number.isdecimal():
            fields["max_chunk_sentences"] = int(number[:9])
        return {**fields, "text": text}

    async def _respond(self, http: Request, kind: Kind, work: Awaitable[LongAnswer]) -> Response:
        answer = await work
        reason: TextEnding = "length" if answer.is_cut else "stop"
        if media_type(http.headers) == PLAIN:
            headers = {"x-finish-reason": reason}
            return Response(answer.text + "\n", media_type=PLAIN, headers=headers)
        body: PresetAnswer = {
            "id": f"{kind}-{uuid.uuid4().hex}",
            "object": kind,
            "created": int(time.time()),
            "model": self._served.name,
            "text": answer.text,
            "finish_reason": reason,
            "usage": usage_json(answer.usage),
        }
        return json_response(body)
