"""GET /docs.json, the OpenAPI document, made from the models that read the requests; and GET /docs,
which shows it.

The page takes Swagger UI's files from the BentoML installation. BentoML's own page would do, if it
did not call a tag manager on the internet.
"""

from collections.abc import Mapping
from pathlib import Path

import bentoml
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from api.answer import Json
from api.errors import NotFoundError
from api.json_response import json_response
from api.operation import MODEL, Operation
from api.operations import OPERATIONS

Schemas = Mapping[type, Json]
"""Models -> references to their schemas."""

REFERENCE = "#/components/schemas/{model}"
FILES = Path(bentoml.__file__).parent / "_internal" / "server" / "static_content"
SHOWN_FILES = ("swagger-ui.css", "swagger-ui-bundle.js")
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Kamado</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({url: "docs.json", dom_id: "#docs", deepLinking: true})</script>
</body>
</html>
"""
PROBES = {
    "/livez": "Whether the process is alive",
    "/readyz": "Whether it can answer",
    "/metrics": "Figures for Prometheus",
}
"""BentoML's own."""


def openapi_routes(generating: str, *, embedding: str, ranking: str) -> list[Route]:
    """The models' names are those that the examples are written with."""
    document = openapi_document(generating, embedding=embedding, ranking=ranking)

    async def show(http: Request) -> Response:
        return HTMLResponse(PAGE)

    async def get(http: Request) -> Response:
        return json_response(document)

    async def get_file(http: Request) -> Response:
        name = http.path_params["name"]
        if name not in SHOWN_FILES:
            raise NotFoundError(f"there is no {name!r:.100} beside the documentation.")
        return FileResponse(FILES / name)

    return [
        Route("/docs", show, methods=["GET"]),
        Route("/docs.json", get, methods=["GET"]),
        Route("/docs/{name}", get_file, methods=["GET"]),
    ]


def openapi_document(generating: str, *, embedding: str, ranking: str) -> Json:
    names = {"generating": generating, "embedding": embedding, "ranking": ranking}
    models = [found for o in OPERATIONS for found in (*o.requests, o.query) if found is not None]
    references, definitions = models_json_schema(
        [(found, "validation") for found in dict.fromkeys(models)], ref_template=REFERENCE
    )
    schemas: Schemas = {found: schema for (found, _), schema in references.items()}
    paths: Json = {path: {"get": _probe(summary)} for path, summary in PROBES.items()}
    for operation in OPERATIONS:
        described = _described(
            operation, schemas, definitions.get("$defs", {}), names[operation.model]
        )
        paths.setdefault(operation.template, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Kamado",
            "version": "1",
            "description": "A language model of your own, in OpenAI's and Anthropic's shapes.",
        },
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {"schemas": {**definitions.get("$defs", {}), "Error": _ERROR}},
    }


_ERROR: Json = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}


def _probe(summary: str) -> Json:
    return {"tags": ["Service"], "summary": summary, "responses": {"200": {"description": "Yes"}}}


def _described(
    operation: Operation,
    schemas: Schemas,
    definitions: Json,
    model: str,
) -> Json:
    error = {"schema": {"$ref": REFERENCE.format(model="Error")}}
    described: Json = {
        "tags": [operation.tag],
        "summary": operation.summary,
        "operationId": f"{operation.method.lower()} {operation.template}",
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in operation.path_parameters
        ],
        "responses": {
            "200": {
                "description": "The answer",
                "content": {kind: {} for kind in operation.answers},
            },
            "default": {
                "description": "What is wrong: the field, the value, the limit",
                "content": {"application/json": error},
            },
        },
    }
    if operation.query is not None:
        described["parameters"] += _query(schemas[operation.query], definitions)
    if content := _content(operation, schemas, model):
        described["requestBody"] = {"required": True, "content": content}
    return described


def _query(reference: Json, definitions: Json) -> list[Json]:
    fields = definitions[reference["$ref"].rpartition("/")[2]].get("properties", {})
    return [{"name": name, "in": "query", "schema": schema} for name, schema in fields.items()]


def _content(operation: Operation, schemas: Schemas, model: str) -> Json:
    content: Json = {}
    if operation.requests:
        alternatives = [schemas[found] for found in operation.requests]
        content["application/json"] = {
            "schema": {"anyOf": alternatives} if len(alternatives) > 1 else alternatives[0],
            "examples": {
                name: {"value": _with_model(body, model)}
                for name, body in operation.examples.items()
            },
        }
    if operation.takes_text:
        content["text/plain"] = {"schema": {"type": "string"}}
    if operation.uploads:
        fields = {
            name: {"type": "string", "description": what, **_BINARY.get(name, {})}
            for name, what in operation.uploads.items()
        }
        required = ["file", "purpose"]
        schema = {"type": "object", "properties": fields, "required": required}
        content["multipart/form-data"] = {"schema": schema}
    return content


_BINARY: dict[str, Json] = {"file": {"format": "binary"}}


def _with_model(value: object, model: str) -> object:
    """The same, with every "model" of the examples' being the one that is served."""
    if isinstance(value, dict):
        return {
            key: model if key == "model" and item == MODEL else _with_model(item, model)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_with_model(item, model) for item in value]
    return value
