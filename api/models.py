"""GET /v1/models and /v1/models/{id}: what is served here."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.served_model import ServedModel


def model_routes(served: ServedModel, *more: str) -> list[Route]:
    """`more`: names of models beside the one that generates. Both routes answer while it loads."""
    cards = {name: _card(name, served.created) for name in (served.name, *more)}

    async def list_models(request: Request) -> Response:
        return _json({"object": "list", "data": list(cards.values())})

    async def get_model(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in cards:
            served.check_name(name)
        return _json(cards[name])

    return [
        Route("/v1/models", list_models, methods=["GET"]),
        Route("/v1/models/{name:path}", get_model, methods=["GET"]),
    ]


def _card(name: str, created: int) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": created, "owned_by": "kamado"}


def _json(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
