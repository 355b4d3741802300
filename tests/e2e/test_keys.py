"""A real server with API keys: nothing but the probes and what is published is answered without."""

import json
import time
from http.client import HTTPConnection

import anthropic
import httpx
import openai
import pytest

from langchain_kamado import ChatKamado, KamadoEmbeddings, KamadoLLM
from langchain_kamado.errors import KamadoError

pytestmark = pytest.mark.slow

KEY, OTHER, LATER = "sk-of-alice-7f3a", "sk-of-line-two-91c0", "sk-that-comes-later-5d2e"


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("keys") / "api_keys"
    file.write_text(f"alice:{KEY}\n{OTHER}\n")
    return file


@pytest.fixture(scope="module")
def guarded(start, keys_file):
    server = start(kv_memory_gb=0.25, api_keys_file=keys_file)
    server.wait("/readyz", 200)
    return server


@pytest.fixture(scope="module")
def http(guarded):
    with httpx.Client(base_url=guarded.url, timeout=60) as http:
        yield http


def bearer(key):
    return {"authorization": f"Bearer {key}"}


def operations(http):
    for path, methods in http.get("/docs.json").json()["paths"].items():
        yield from ((path, method) for method in methods)


def test_every_route_but_the_open_ones_needs_a_key(http):
    open_paths = {"/livez", "/readyz", "/metrics", "/client", "/client/{name}"}
    seen = 0
    for path, method in operations(http):
        response = http.request(method, path)
        if path in open_paths:
            assert response.status_code in (200, 404), path
        else:
            assert response.status_code == 401, path
            assert response.headers["www-authenticate"] == "Bearer"
            seen += 1
    assert seen > 25


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "//v1/models",
        "/v1/models/",
        "/V1/models",
        "/v1/../v1/models",
        "/livez/../v1/models",
        "/docs/../v1/models",
        "/docs%2f..%2fv1/models",
        "/client/..%2fv1%2fmodels",
        "/schema.json",
        "/static_content/index.css",
        "/embed_rows",
        "/nothing",
        "/livez/",
        "/metrics/",
        "/docsx",
    ],
)
def test_no_spelling_leads_around(guarded, path):
    """A client that sends a path as it is given."""
    connection = HTTPConnection("127.0.0.1", guarded.port, timeout=30)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    assert response.status in (401, 404), path
    assert b"pocket" not in body
    connection.close()


@pytest.mark.parametrize("key", [KEY, OTHER])
def test_keys_open_in_either_header(http, key):
    assert http.get("/v1/models", headers=bearer(key)).status_code == 200
    assert http.get("/v1/models", headers={"x-api-key": key}).status_code == 200
    assert http.get("/v1/models", headers={"authorization": f"bearer  {key}"}).status_code == 200
    both = {"authorization": "Basic eDp5", "x-api-key": key}
    assert http.get("/v1/models", headers=both).status_code == 200


def test_refusals_have_openais_shape_and_anthropics(http):
    for headers, code in [({}, "invalid_api_key"), (bearer("sk-wrong"), "invalid_api_key")]:
        body = http.get("/v1/models", headers=headers).json()
        assert list(body["error"]) == ["message", "type", "param", "code"]
        assert (body["error"]["type"], body["error"]["code"]) == ("invalid_request_error", code)
        assert "sk-wrong" not in json.dumps(body)
        response = http.post("/v1/messages", headers=headers, json={})
        body = response.json()
        assert (body["type"], body["error"]["type"]) == ("error", "authentication_error")
        assert body["request_id"] == response.headers["request-id"]


def test_the_official_clients_bring_keys_and_know_their_refusal(guarded):
    messages = [{"role": "user", "content": "Hello!"}]
    ask = {"model": "pocket", "messages": messages, "max_tokens": 4}
    openais = openai.OpenAI(base_url=f"{guarded.url}/v1", api_key=KEY, max_retries=0)
    assert openais.chat.completions.create(**ask).choices
    with pytest.raises(openai.AuthenticationError) as refused:
        openais.with_options(api_key="sk-wrong").chat.completions.create(**ask)
    assert refused.value.code == "invalid_api_key"
    anthropics = anthropic.Anthropic(base_url=guarded.url, api_key=KEY, max_retries=0)
    assert anthropics.messages.create(**ask).content
    with pytest.raises(anthropic.AuthenticationError):
        anthropics.with_options(api_key="sk-wrong").messages.create(**ask)


def test_langchain_brings_its_key(guarded, monkeypatch):
    asked = {"base_url": guarded.url, "max_tokens": 4, "max_retries": 0}
    assert ChatKamado(api_key=KEY, **asked).invoke("Hello!").content
    assert [*ChatKamado(api_key=KEY, **asked).stream("Hello!")]
    assert all(ChatKamado(api_key=KEY, **asked).batch(["Hello!", "Who are you?"]))
    assert ChatKamado.from_server(api_key=KEY, **asked).profile
    assert KamadoLLM(api_key=KEY, **asked).invoke("Once")
    assert KamadoEmbeddings(api_key=KEY, base_url=guarded.url).embed_query("a dog")
    monkeypatch.setenv("KAMADO_API_KEY", OTHER)
    assert ChatKamado(**asked).invoke("Hello!").content
    monkeypatch.delenv("KAMADO_API_KEY")
    with pytest.raises(KamadoError, match="API key") as refused:
        ChatKamado(**asked).invoke("Hello!")
    assert refused.value.status == 401


def test_keys_are_given_and_withdrawn_while_it_runs(http, keys_file):
    assert http.get("/v1/models", headers=bearer(LATER)).status_code == 401
    before = keys_file.read_text()
    keys_file.write_text(f"{before}later:{LATER}\n")
    until(lambda: http.get("/v1/models", headers=bearer(LATER)).status_code == 200)
    keys_file.write_text(before)
    until(lambda: http.get("/v1/models", headers=bearer(LATER)).status_code == 401)


def test_names_are_in_the_log_and_the_metrics_and_keys_nowhere(guarded, http):
    messages = [{"role": "user", "content": "Hello!"}]
    ask = {"model": "pocket", "messages": messages, "max_tokens": 4, "ignore_eos": True}
    http.post("/v1/chat/completions", headers=bearer(KEY), json=ask).raise_for_status()
    text = http.get("/metrics").text
    assert 'kamado_caller_requests_total{caller="alice"}' in text
    assert 'kamado_caller_tokens_total{caller="alice",kind="generated"}' in text
    assert 'route="unknown",status="401"' in text
    until(lambda: " alice" in guarded.log)
    for key in (KEY, OTHER, LATER, "sk-wrong"):
        assert key not in guarded.log
        assert key not in text


def until(holds):
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_server_that_nobody_else_reaches_says_nothing_of_keys(server):
    assert "no API keys" not in server.log
