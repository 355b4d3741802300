"""OpenAI's Responses API over the same generation as the chat completions: create, get, list what
went in, go on from, cancel, delete."""

import time
import uuid
from typing import Any, Literal, cast

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typing_extensions import TypedDict

from api.answer import Json
from api.answer_blocks import AnswerBlocks
from api.background import Background
from api.delivery import Delivery, DeliveryLimits
from api.errors import InvalidRequestError, NotFoundError
from api.generator import ChatGeneration, Generator
from api.json_body import read_json
from api.json_response import json_response
from api.listing import Page, QueryFields, list_json, read_query
from api.response_store import KeptResponse, ResponseStore
from api.responses_answer import ResponsesAnswer
from api.responses_items import Item, chat_messages
from api.responses_request import FIELD_NAMES, ResponsesRequest, TextConfig, in_own_words
from api.responses_shapes import ResponseHead


class GetQuery(QueryFields):
    stream: Literal["false"] | None = None


class ItemsQuery(QueryFields):
    limit: int = Field(default=20, ge=1, le=100)
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None


class InputItems(Page[Item]):
    """A page of what a response was asked."""


class InputTokens(TypedDict):
    object: Literal["response.input_tokens"]
    input_tokens: int


class DeletedResponse(TypedDict):
    id: str
    object: Literal["response"]
    deleted: bool


class Responses:
    def __init__(
        self,
        generator: Generator,
        store: ResponseStore,
        *,
        max_body_bytes: int,
        limits: DeliveryLimits,
    ) -> None:
        self._generator = generator
        self._store = store
        self._background = Background(limits)
        self._max_body_bytes = max_body_bytes
        self._limits = limits

    @property
    def routes(self) -> list[Route]:
        one = "/v1/responses/{response_id}"
        return [
            Route("/v1/responses", self.create, methods=["POST"]),
            Route("/v1/responses/input_tokens", self.count_tokens, methods=["POST"]),
            Route(one, self.get, methods=["GET"]),
            Route(one, self.delete, methods=["DELETE"]),
            Route(f"{one}/cancel", self.cancel, methods=["POST"]),
            Route(f"{one}/input_items", self.list_input, methods=["GET"]),
        ]

    async def create(self, http: Request) -> Delivery | Response:
        """Raises ApiError or ClientDisconnectedError, with nothing queued."""
        request = await read_json(
            http.scope, http.receive, ResponsesRequest, max_bytes=self._max_body_bytes
        )
        history = await self._history(request.previous_response_id)
        input_items = request.input_items
        chat_request = request.of_chat(chat_messages([*history, *input_items]))
        try:
            chat = await self._generator.chat(chat_request, FIELD_NAMES)
        except InvalidRequestError as error:
            raise in_own_words(error) from error
        answer = _answer(request, chat)

        async def keep() -> None:
            await self._store.keep(KeptResponse(answer.body, input_items, history))

        if request.background:
            try:
                await keep()
            except BaseException:
                chat.generation.abort()
                raise
            self._background.run(chat.generation, answer, keep)
            return json_response(answer.body)
        return Delivery(
            chat.generation,
            answer,
            stream=bool(request.stream),
            limits=self._limits,
            before_end=keep if request.is_kept else None,
        )

    async def count_tokens(self, http: Request) -> Response:
        """Of the prompt that `create` would run. Raises ApiError or ClientDisconnectedError."""
        request = await read_json(
            http.scope, http.receive, ResponsesRequest, max_bytes=self._max_body_bytes
        )
        history = await self._history(request.previous_response_id)
        chat_request = request.of_chat(chat_messages([*history, *request.input_items]))
        try:
            ids = await self._generator.chat_ids(chat_request, "input")
        except InvalidRequestError as error:
            raise in_own_words(error) from error
        count: InputTokens = {"object": "response.input_tokens", "input_tokens": len(ids)}
        return json_response(count)

    async def get(self, http: Request) -> Response:
        """Raises ApiError."""
        read_query(http, GetQuery)
        return json_response((await self._kept(http)).body)

    async def list_input(self, http: Request) -> Response:
        """Raises ApiError."""
        query = read_query(http, ItemsQuery)
        items = (await self._kept(http)).input_items
        if query.order == "desc":
            items = items[::-1]
        places = {item["id"]: place for place, item in enumerate(items)}
        if query.after is not None and query.after not in places:
            raise InvalidRequestError(
                f"after is {query.after!r:.100}, which is none of this response's items.",
                param="after",
            )
        start = 0 if query.after is None else places[query.after] + 1
        page = items[start : start + query.limit]
        return json_response(list_json(page, has_more=start + query.limit < len(items)))

    async def delete(self, http: Request) -> Response:
        """Raises ApiError."""
        response_id = http.path_params["response_id"]
        await self._background.cancel(response_id)
        if not await self._store.delete(response_id):
            raise _not_found(response_id)
        deleted: DeletedResponse = {"id": response_id, "object": "response", "deleted": True}
        return json_response(deleted)

    async def cancel(self, http: Request) -> Response:
        """One that has ended is answered as it is. Raises ApiError."""
        kept = await self._kept(http)
        if not kept.body["background"]:
            raise InvalidRequestError(
                f"{kept.body['id']} was not made with background: true; close its connection to "
                "cancel it.",
                param="response_id",
            )
        await self._background.cancel(kept.body["id"])
        return json_response((await self._kept(http)).body)

    async def _history(self, response_id: str | None) -> list[Json]:
        if response_id is None:
            return []
        kept = await self._store.get(response_id)
        if kept is None:
            raise NotFoundError(
                f"previous_response_id is {response_id!r:.110}, which is not kept here. Send the "
                "conversation itself as input.",
                param="previous_response_id",
                code="previous_response_not_found",
            )
        if kept.body["status"] == "in_progress":
            raise InvalidRequestError(
                f"previous_response_id is {response_id!r}, which is still in progress. Ask again "
                "when it has ended.",
                param="previous_response_id",
            )
        return kept.items

    async def _kept(self, http: Request) -> KeptResponse:
        """Raises NotFoundError."""
        response_id = http.path_params["response_id"]
        kept = await self._store.get(response_id)
        if kept is None:
            raise _not_found(response_id)
        return self._background.with_truth(kept)


def _answer(request: ResponsesRequest, chat: ChatGeneration) -> ResponsesAnswer:
    given = request.model_dump(by_alias=True)
    text: Any = given["text"] or {}
    head: ResponseHead = {
        "id": f"resp_{uuid.uuid4().hex}",
        "object": "response",
        "created_at": int(time.time()),
        "model": request.model,
        "background": bool(request.background),
        "error": None,
        "incomplete_details": None,
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "metadata": request.metadata or {},
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": request.previous_response_id,
        "reasoning": {"effort": None, "summary": None},
        "store": request.is_kept,
        "temperature": 1.0 if request.temperature is None else request.temperature,
        "text": cast(TextConfig, {"format": text.get("format") or {"type": "text"}}),
        "tool_choice": given["tool_choice"] or "auto",
        "tools": given["tools"] or [],
        "top_p": 1.0 if request.top_p is None else request.top_p,
        "truncation": "disabled",
        "user": request.user,
    }
    blocks = AnswerBlocks(chat.parsers[0], chat.call_id_length)
    return ResponsesAnswer(head, blocks, chat.tokenizer)


def _not_found(response_id: str) -> NotFoundError:
    return NotFoundError(
        f"there is no response {response_id!r:.110} here: it was not stored, or is forgotten.",
        param="response_id",
        code="response_not_found",
    )
