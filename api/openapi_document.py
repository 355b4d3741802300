"""The OpenAPI document, made from the models that read requests and the shapes of answers."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter

from api.answer import Json
from api.openapi_refusals import SHAPES, refusal_components, refusals
from api.operation import EVENTS, JSON, MODEL, TEXT, Operation
from api.operations import OPERATIONS

Schemas = Mapping[object, Json]
"""Models and shapes -> their schemas, or references to them."""

REFERENCE = "#/components/schemas/{model}"
PROBES = {
    "/livez": "Whether the process is alive",
    "/readyz": "Whether it can answer",
    "/metrics": "Figures for Prometheus",
}
"""BentoML's own."""
KEYS: Json = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
}
_HOW_ANSWERED = {
    EVENTS: "; of a stream, the schema is that of each event's data",
    "application/x-ndjson": ": a line for each as soon as it is there",
}
_NO_WORD = re.compile(r"\W+")
_BINARY: Json = {"type": "string", "format": "binary"}


def openapi_document(generating: str, *, embedding: str, ranking: str) -> Json:
    """The models' names are those that the examples are written with."""
    names = {"generating": generating, "embedding": embedding, "ranking": ranking}
    schemas, definitions = _schemas(OPERATIONS)
    openais, anthropics = (schemas[shape] for shape in SHAPES)
    paths: Json = {path: {"get": _probe(summary)} for path, summary in PROBES.items()}
    for operation in OPERATIONS:
        described = _described(operation, schemas, definitions, names[operation.model])
        paths.setdefault(operation.template, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Kamado",
            "version": "1",
            "description": "A language model of your own, in OpenAI's and Anthropic's shapes.",
        },
        "servers": [{"url": "."}],
        "security": [{}, *({name: []} for name in KEYS)],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "responses": refusal_components(openais, anthropics),
            "securitySchemes": KEYS,
        },
    }


def _schemas(operations: Iterable[Operation]) -> tuple[Schemas, Json]:
    """The second: what the first refers to."""
    told: list[Any] = [*SHAPES]
    for operation in operations:
        told += [*operation.requests, *operation.answers.values()]
        told += [] if operation.query is None else [operation.query]
    references, rest = TypeAdapter.json_schemas(
        [(thing, "validation", TypeAdapter(thing)) for thing in dict.fromkeys(told)],
        ref_template=REFERENCE,
    )
    return {thing: schema for (thing, _), schema in references.items()}, rest["$defs"]


def _probe(summary: str) -> Json:
    content = {TEXT: {"schema": {"type": "string"}}}
    answer = {"description": "Yes", "content": content}
    return {"tags": ["Service"], "summary": summary, "security": [{}], "responses": {"200": answer}}


def _described(operation: Operation, schemas: Schemas, definitions: Json, model: str) -> Json:
    described: Json = {
        "tags": [operation.tag],
        "summary": operation.summary,
        "operationId": _NO_WORD.sub("_", f"{operation.method}{operation.template}".lower()),
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in operation.path_parameters
        ],
        "responses": {"200": _answer(operation, schemas), **refusals(operation)},
    }
    if operation.query is not None:
        described["parameters"] += _query(schemas[operation.query], definitions)
    if operation.text_example is not None:
        fields = _query(schemas[operation.requests[0]], definitions)
        told = {"description": f"Beside {TEXT} alone; in JSON it is a field."}
        described["parameters"] += [told | field for field in fields if field["name"] != "text"]
    if content := _content(operation, schemas, model):
        described["requestBody"] = {"required": True, "content": content}
    return described


def _answer(operation: Operation, schemas: Schemas) -> Json:
    how = "".join(_HOW_ANSWERED.get(kind, "") for kind in operation.answers)
    content = {
        kind: {"schema": _BINARY if shape is bytes else schemas[shape]}
        for kind, shape in operation.answers.items()
    }
    return {"description": f"The answer{how}", "content": content}


def _query(reference: Json, definitions: Json) -> list[Json]:
    fields = definitions[reference["$ref"].rpartition("/")[2]].get("properties", {})
    return [{"name": name, "in": "query", "schema": schema} for name, schema in fields.items()]


def _content(operation: Operation, schemas: Schemas, model: str) -> Json:
    content: Json = {}
    if operation.requests:
        alternatives = [schemas[found] for found in operation.requests]
        content[JSON] = {
            "schema": {"anyOf": alternatives} if len(alternatives) > 1 else alternatives[0],
            "examples": {
                name: {"value": _with_model(body, model)}
                for name, body in operation.examples.items()
            },
        }
    if operation.text_example is not None:
        content[TEXT] = {"schema": {"type": "string"}, "example": operation.text_example}
    if operation.uploads:
        fields = {
            name: {"type": "string", "description": what}
            for name, what in operation.uploads.items()
        }
        fields["file"] |= _BINARY
        required = ["file", "purpose"]
        schema = {"type": "object", "properties": fields, "required": required}
        content["multipart/form-data"] = {"schema": schema}
    return content


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
