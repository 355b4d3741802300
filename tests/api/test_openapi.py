"""The OpenAPI document tells of every route, in schemas that its own examples keep to."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import jsonschema
import pytest
from starlette.routing import Route, Router

from api.front_door import FrontDoor
from api.openapi import SHOWN_FILES, openapi_routes
from api.openapi_document import PROBES, openapi_document
from api.operations import OPERATIONS
from tests.e2e.openapi_validator import OpenapiValidator

ROOT = Path(__file__).parents[2]
MODELS = {name: name for name in ("generating", "embedding", "ranking")}
DOCUMENT = openapi_document(**MODELS)
EXAMPLES = [(o, name) for o in OPERATIONS for name in o.examples]
LIST_ROUTES = """
import json, service
routes = service.app._app.routes
print(json.dumps([[method, route.path] for route in routes for method in sorted(route.methods)]))
"""


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from references(item)


def test_every_route_is_described():
    listed = subprocess.run(
        [sys.executable, "-c", LIST_ROUTES], cwd=ROOT, capture_output=True, text=True, check=True
    )
    served = {tuple(route) for route in json.loads(listed.stdout.splitlines()[-1])}
    hidden = {
        (method, route.path) for route in openapi_routes(**MODELS) for method in route.methods
    }
    found = {entry for entry in served - hidden if entry[0] != "HEAD"}
    assert found == {(o.method, o.path) for o in OPERATIONS}, "describe it in api/operations.py"


def test_every_reference_leads_somewhere():
    components = DOCUMENT["components"]
    names = {f"#/components/{kind}/{name}" for kind in components for name in components[kind]}
    assert set(references(DOCUMENT)) <= names
    assert not any("_" in name for name in components["schemas"]), "two models share a name"


def test_every_answer_has_a_schema():
    for path, methods in DOCUMENT["paths"].items():
        for method, described in methods.items():
            responses = described["responses"]
            assert "200" in responses
            if path not in PROBES:
                assert {"401", "500", "503"} <= set(responses), f"{method} {path}"
            for kind, content in responses["200"]["content"].items():
                assert content["schema"], f"{method} {path} {kind}"
    schemas = DOCUMENT["components"]["schemas"]
    jsonschema.Draft202012Validator.check_schema({"$defs": schemas})


def test_refusals_are_examples_of_their_own_schemas():
    for response in DOCUMENT["components"]["responses"].values():
        content = response["content"]["application/json"]
        schema = {**content["schema"], "components": DOCUMENT["components"]}
        jsonschema.validate(content["example"], schema)


def test_what_holds_answers_against_the_document_finds_faults():
    check = OpenapiValidator(DOCUMENT).check
    answer = {"tokens": [1], "count": 1, "max_model_len": 9}
    check("/tokenize", "post", httpx.Response(200, json=answer))
    for wrong in ({**answer, "more": 1}, {"tokens": [1]}, {**answer, "count": "1"}):
        with pytest.raises(jsonschema.ValidationError):
            check("/tokenize", "post", httpx.Response(200, json=wrong))
    with pytest.raises(AssertionError, match="418 is not told of"):
        check("/tokenize", "post", httpx.Response(418, json={}))


def test_every_body_has_examples():
    for operation in OPERATIONS:
        assert bool(operation.requests) == bool(operation.examples)


@pytest.mark.parametrize(
    ("operation", "name"), EXAMPLES, ids=[f"{o.path} {name}" for o, name in EXAMPLES]
)
def test_examples_keep_to_their_schema(operation, name):
    described = DOCUMENT["paths"][operation.template][operation.method.lower()]
    content = described["requestBody"]["content"]["application/json"]
    example = content["examples"][name]["value"]
    schema = {**content["schema"], "components": DOCUMENT["components"]}
    jsonschema.validate(example, schema)
    if "model" in example:
        assert example["model"] == operation.model


def test_path_parameters_are_declared():
    for operation in OPERATIONS:
        described = DOCUMENT["paths"][operation.template][operation.method.lower()]
        declared = [p["name"] for p in described["parameters"] if p["in"] == "path"]
        assert declared == operation.path_parameters
        assert declared == list(Route(operation.path, lambda: None).param_convertors)


@pytest.fixture
async def app_of_docs(metrics):
    app = FrontDoor(Router(openapi_routes(**MODELS)), metrics)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://kamado") as client:
        yield client


async def test_the_page_is_complete_without_the_internet(app_of_docs):
    page = (await app_of_docs.get("/docs")).text
    assert "//" not in page.replace("<!doctype", "")
    for name in SHOWN_FILES:
        assert f"docs/{name}" in page
        assert len((await app_of_docs.get(f"/docs/{name}")).content) > 10_000
    assert (await app_of_docs.get("/docs.json")).json() == openapi_document(**MODELS)
    for path in ("/docs/index.css", "/docs/..%2Fapp.py"):
        assert (await app_of_docs.get(path)).status_code == 404
