"""/v1/batches, in OpenAI's shape. What happens to a batch is in api/batch_worker.py."""

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.batch_shapes import BatchObject
from api.batch_store import BatchStore, NewBatch
from api.errors import InvalidRequestError
from api.fields import Fields
from api.json_body import read_json
from api.json_response import json_response
from api.listing import Page, QueryFields, list_json, read_query

MAX_BODY_BYTES = 64 * 1024

Key = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Value = Annotated[str, StringConstraints(max_length=512)]


class OutputExpiresAfter(Fields):
    anchor: Literal["created_at"]
    seconds: int = Field(ge=3600, le=30 * 86_400)


class BatchRequest(Fields):
    input_file_id: str = Field(max_length=100)
    endpoint: Literal["/v1/chat/completions", "/v1/completions", "/v1/embeddings"]
    completion_window: Literal["24h"]
    metadata: dict[Key, Value] | None = Field(default=None, max_length=16)
    output_expires_after: OutputExpiresAfter | None = None


class Batches(Page[BatchObject]):
    """A page of the list."""


class BatchesQuery(QueryFields):
    after: str | None = None
    limit: int = Field(default=20, ge=1, le=100)


def batch_routes(batches: BatchStore, wake: Callable[[], None]) -> list[Route]:
    """`wake` is called when there is something to do."""

    async def create(request: Request) -> Response:
        body = await read_json(
            request.scope, request.receive, BatchRequest, max_bytes=MAX_BODY_BYTES
        )
        expiry = body.output_expires_after
        batch = await batches.create(
            NewBatch(
                body.endpoint,
                body.input_file_id,
                body.metadata,
                None if expiry is None else expiry.seconds,
            )
        )
        wake()
        return json_response(batch.json)

    async def list_batches(request: Request) -> Response:
        query = read_query(request, BatchesQuery)
        page, has_more = await batches.page(query.after, query.limit)
        return json_response(list_json([batch.json for batch in page], has_more=has_more))

    async def get(request: Request) -> Response:
        return json_response((await batches.get(request.path_params["batch_id"])).json)

    async def cancel(request: Request) -> Response:
        batch = await batches.cancel(request.path_params["batch_id"])
        if batch.status in ("completed", "failed", "expired"):
            raise InvalidRequestError(
                f"{batch.id} is {batch.status}; only a batch that has not ended can be cancelled.",
                param="batch_id",
                code="batch_ended",
            )
        wake()
        return json_response(batch.json)

    return [
        Route("/v1/batches", create, methods=["POST"]),
        Route("/v1/batches", list_batches, methods=["GET"]),
        Route("/v1/batches/{batch_id}", get, methods=["GET"]),
        Route("/v1/batches/{batch_id}/cancel", cancel, methods=["POST"]),
    ]
