"""GET /v1/models and /v1/models/{id}: what is served here, what it can do, and how much of it one
call may ask for."""

from collections.abc import Collection
from typing import Any, Literal, NotRequired

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typing_extensions import TypedDict

from api.embedding_rows import DEFAULT_LIMITS
from api.json_response import json_response
from api.served_model import ServedModel


class ModelObject(TypedDict):
    """OpenAI's `model`, and what else there is to know."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    capabilities: list[str]
    max_model_len: NotRequired[int | None]
    """Tokens of prompt and answer; null while it loads."""
    max_inputs: NotRequired[int]
    """Of one call to embed."""
    max_total_tokens: NotRequired[int]
    card: NotRequired[dict[str, Any]]
    """Where it comes from and what was measured of it."""


class ModelList(TypedDict):
    object: Literal["list"]
    data: list[ModelObject]


def model_routes(served: ServedModel, *embedding: str) -> list[Route]:
    """`embedding`: names of models that embed; without any, the one that generates does. Both
    routes answer while it loads."""

    def cards() -> dict[str, ModelObject]:
        names = dict.fromkeys((*served.names, *embedding))
        return {name: _card(served, name, embedding or (served.name,)) for name in names}

    async def list_models(request: Request) -> Response:
        models: ModelList = {"object": "list", "data": list(cards().values())}
        return json_response(models)

    async def get_model(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in cards():
            served.check_name(name)
        return json_response(cards()[name])

    return [
        Route("/v1/models", list_models, methods=["GET"]),
        Route("/v1/models/{name:path}", get_model, methods=["GET"]),
    ]


def _card(served: ServedModel, name: str, embedding: Collection[str]) -> ModelObject:
    card: ModelObject = {
        "id": name,
        "object": "model",
        "created": served.created,
        "owned_by": "kamado",
        "capabilities": [],
    }
    if name in served.names:
        card["capabilities"] += _generating(served)
        card["max_model_len"] = served.runner.limits.max_model_len if served.is_ready else None
        if served.summary:
            card["card"] = served.summary
    if name in embedding:
        card["capabilities"] += ["embeddings", "rerank"]
        card["max_inputs"] = DEFAULT_LIMITS.max_inputs
        card["max_total_tokens"] = DEFAULT_LIMITS.max_total_tokens
    return card


def _generating(served: ServedModel) -> list[str]:
    """Some depend on the tokenizer and its chat template, and are not known before they are
    loaded."""
    capabilities = ["chat", "completions"]
    if served.text is not None:
        can_bind = served.text.grammars is not None
        capabilities += ["structured_output"] if can_bind else []
        capabilities += ["tools"] if can_bind and served.text.dialect.tool_format else []
        capabilities += ["reasoning"] if served.text.dialect.think else []
    return capabilities
