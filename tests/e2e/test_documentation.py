"""Every example of the served OpenAPI document, sent as it stands to the server that wrote it."""

import json

import httpx
import pytest

from tests.e2e.openapi_validator import OpenapiValidator

LINE = {
    "custom_id": "one",
    "method": "POST",
    "url": "/v1/chat/completions",
    "body": {
        "model": "pocket",
        "messages": [{"role": "user", "content": "Hello!"}],
        "max_tokens": 4,
    },
}


@pytest.fixture(scope="module")
def http(server):
    with httpx.Client(base_url=server.url, timeout=60) as http:
        yield http


@pytest.fixture(scope="module")
def document(http):
    return http.get("/docs.json").json()


@pytest.fixture(scope="module")
def validator(document):
    return OpenapiValidator(document)


def body_of(operation):
    """The schema and the examples of its JSON body."""
    content = operation.get("requestBody", {}).get("content", {})
    return content.get("application/json", {})


def first_example(document, path):
    examples = body_of(document["paths"][path]["post"])["examples"]
    return next(iter(examples.values()))["value"]


@pytest.fixture
def make(http, document, validator):
    """A new thing for a path's parameter to name."""

    def file():
        uploaded = http.post(
            "/v1/files",
            files={"file": ("in.jsonl", json.dumps(LINE))},
            data={"purpose": "batch"},
        )
        validator.check("/v1/files", "post", uploaded)
        return uploaded.raise_for_status().json()["id"]

    def batch():
        body = first_example(document, "/v1/batches") | {"input_file_id": file()}
        return http.post("/v1/batches", json=body).raise_for_status().json()["id"]

    def response(path):
        body = first_example(document, "/v1/responses")
        body |= {"background": path.endswith("/cancel")}
        return http.post("/v1/responses", json=body).raise_for_status().json()["id"]

    def make(name, path):
        if path == "/v1/models/{name}":
            return "pocket"
        makers = {"file_id": file, "batch_id": batch, "response_id": lambda: response(path)}
        return makers[name]()

    return make


def requests(document):
    """(path, method, operation, example or None), each once."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            examples = body_of(operation).get("examples", {"": None})
            for example in examples.values():
                yield path, method, operation, example and example["value"]


def test_every_example_runs_and_its_answer_is_as_told(http, document, validator, make):
    num_run = 0
    for path, method, operation, example in requests(document):
        if path.startswith("/client") or "multipart" in str(operation.get("requestBody")):
            continue  # below, and with every file that is made
        parameters = [p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"]
        url = path.format(**{name: make(name, path) for name in parameters})
        if example is not None and "input_file_id" in example:
            example = example | {"input_file_id": make("file_id", path)}
        response = http.request(method, url, json=example)
        assert response.status_code == 200, f"{method} {url} {example}: {response.text}"
        validator.check(path, method, response)
        num_run += 1
    assert num_run > 40


HELLO = [{"role": "user", "content": "Hello! Who are you?"}]
WEATHER = {
    "messages": [{"role": "user", "content": "What is the weather in Paris?"}],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "get_weather",
                "parameters": {
                    "type": "object",
                    "properties": {"city": {"type": "string", "maxLength": 30}},
                    "required": ["city"],
                },
            },
        }
    ],
    "tool_choice": "required",
}
RICH = {
    "logprobs": (
        "/v1/chat/completions",
        {"messages": HELLO, "logprobs": True, "top_logprobs": 2, "n": 2, "max_tokens": 9},
    ),
    "a call": ("/v1/chat/completions", {**WEATHER, "max_tokens": 100}),
    "text": ("/v1/completions", {"prompt": ["Once", "The"], "logprobs": 2, "max_tokens": 9}),
    "text alone": ("/v1/completions", {"prompt": "Once", "max_tokens": 9}),
}


@pytest.mark.parametrize("name", RICH)
@pytest.mark.parametrize(
    "how", [{}, {"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}]
)
def test_answers_with_everything_are_as_told(http, validator, name, how):
    path, body = RICH[name]
    response = http.post(path, json={"model": "pocket", **body, **how})
    assert response.status_code == 200, response.text
    validator.check(path, "post", response)


def test_a_streamed_call_is_as_told_in_the_other_shapes(http, document, validator):
    for path in ("/v1/messages", "/v1/responses"):
        example = body_of(document["paths"][path]["post"])["examples"]["a tool"]["value"]
        response = http.post(path, json={**example, "stream": True})
        validator.check(path, "post", response)
        assert "get_weather" in response.text


def test_plain_text_goes_in_and_comes_out(http, document):
    for path, query in [
        ("/v1/translate", {"target_language": "French", "max_chunk_sentences": 1}),
        ("/v1/summarize", {}),
    ]:
        operation = document["paths"][path]["post"]
        assert set(query) <= {parameter["name"] for parameter in operation["parameters"]}
        text = operation["requestBody"]["content"]["text/plain"]["example"]
        headers = {"content-type": "text/plain"}
        response = http.post(path, params=query, content=text, headers=headers)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"].startswith("text/plain")
        assert len(response.text) > 10


def test_the_client_is_told_of_or_said_not_to_be_there(http):
    response = http.get("/client")
    assert response.status_code == 200 or response.json()["error"]["code"] == "client_not_built"


def test_the_page_shows_the_document(http):
    page = http.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "docs.json" in page.text
    assert http.get("/docs/swagger-ui-bundle.js").status_code == 200


def test_what_is_missing_is_named(http):
    for path, what in [("/v1/audio/transcriptions", "audio"), ("/v1/images/edits", "images")]:
        response = http.post(path, json={})
        assert response.status_code == 404
        assert what in response.json()["error"]["message"]


BROKEN = [
    b"",
    b"{",
    b"[1]",
    b'{"model": "a", "model": "b"}',
    b'{"model": ' + b"[" * 50_000,
    b'{"model": NaN}',
    b'{"model": "\xff"}',
    b'{"model": "\\ud800"}',
    b'{"model": "pocket\\u0000"}',
]
STRANGE: list[object] = [
    None,
    True,
    -1,
    10**19,
    1.5,
    "",
    "x",
    "\ufffd" * 3000,
    [],
    [[]],
    [None],
    {},
    {"": {}},
]


@pytest.fixture(scope="module")
def refused(validator):
    def refused(path, method, response):
        """In the shape of its route, whoever's it is, and with a status that is told of."""
        assert 400 <= response.status_code < 500, response.text
        validator.check(path, method, response)
        error = response.json()["error"]
        assert error["message"]
        assert error["type"] in ("invalid_request_error", "not_found_error")

    return refused


@pytest.mark.parametrize("body", BROKEN, ids=lambda body: repr(body[:24]))
def test_broken_bodies_are_refused_everywhere(http, document, refused, body):
    headers = {"content-type": "application/json"}
    for path, method, _, example in requests(document):
        if example is not None and "{" not in path:
            refused(path, method, http.request(method, path, content=body, headers=headers))


def test_strange_values_are_never_our_fault(http, document, refused, idle):
    seen = set()
    for path, method, _, example in requests(document):
        if example is None or path in seen or "{" in path:
            continue
        seen.add(path)
        for field in example:
            for value in STRANGE:
                given = {**example, "max_tokens": 2} if "max_tokens" in example else example
                response = http.request(method, path, json={**given, field: value})
                if response.status_code != 200:
                    refused(path, method, response)
    assert len(seen) > 15
    idle()
