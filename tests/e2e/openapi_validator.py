"""Holds real answers against an OpenAPI document, more strictly than the document itself: a field
that it does not tell of is a fault."""

import json

import jsonschema


class OpenapiValidator:
    def __init__(self, document):
        self._document = document
        self._components = _closed(document["components"])
        self._validators = {}

    def check(self, path, method, response):
        """`path` is the document's. Raises AssertionError or jsonschema's ValidationError."""
        described = self._declared(self._document["paths"][path][method.lower()], response)
        kind = response.headers["content-type"].partition(";")[0]
        assert kind in described["content"], f"{kind} is not told of"
        schema = described["content"][kind]["schema"]
        answers = list(_parts(kind, response))
        assert answers, "an empty answer"
        for answer in answers:
            self._validator(schema).validate(answer)

    def _declared(self, operation, response):
        status = str(response.status_code)
        assert status in operation["responses"], f"{status} is not told of: {response.text:.300}"
        described = operation["responses"][status]
        if "$ref" in described:
            name = described["$ref"].removeprefix("#/components/responses/")
            described = self._document["components"]["responses"][name]
        return described

    def _validator(self, schema):
        key = json.dumps(schema)
        if key not in self._validators:
            whole = {**_closed(schema), "components": self._components}
            self._validators[key] = jsonschema.Draft202012Validator(whole)
        return self._validators[key]


def _parts(kind, response):
    if kind == "application/json":
        yield response.json()
    elif kind == "application/x-ndjson":
        yield from map(json.loads, response.text.splitlines())
    elif kind == "text/event-stream":
        lines = response.text.splitlines()
        data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        yield from (json.loads(event) for event in data if event != "[DONE]")
    else:
        yield response.text


def _closed(value):
    if isinstance(value, list):
        return [_closed(item) for item in value]
    if not isinstance(value, dict):
        return value
    closed = {key: _closed(item) for key, item in value.items()}
    if isinstance(value.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed
