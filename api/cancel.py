"""POST /v1/requests/cancel: end what is generated for a request, known by its X-Request-Id.

Hanging up does the same; this is for callers whose connection others hold, such as a proxy that
keeps reading, and for ending a request from another process.
"""

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typing_extensions import TypedDict

from api.fields import Fields
from api.json_body import read_json
from api.json_response import json_response
from api.running_requests import RunningRequests


class CancelRequest(Fields):
    request_id: str = Field(min_length=1, max_length=200)


class CancelAnswer(TypedDict):
    request_id: str
    cancelled: bool
    """Whether something was running under that id."""


def cancel_routes(running: RunningRequests, *, max_body_bytes: int) -> list[Route]:
    async def cancel(http: Request) -> Response:
        request = await read_json(http.scope, http.receive, CancelRequest, max_bytes=max_body_bytes)
        was_running = running.cancel(request.request_id)
        body: CancelAnswer = {"request_id": request.request_id, "cancelled": was_running}
        return json_response(body)

    return [Route("/v1/requests/cancel", cancel, methods=["POST"])]
