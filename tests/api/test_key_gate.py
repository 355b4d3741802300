"""The gate before an application that tells who it thinks is calling."""

import httpx
import pytest
from starlette.responses import PlainTextResponse

from api.caller import caller
from api.key_gate import KeyGate
from api.key_ring import KeyRing


async def who(scope, receive, send):
    await PlainTextResponse(f"{caller.get()}")(scope, receive, send)


@pytest.fixture
def ask(metrics):
    async def ask(path, *, keys=None, open_metrics=True, **headers):
        keys = KeyRing("alice:a1,bob:b2") if keys is None else keys
        gate = KeyGate(who, keys=keys, metrics=metrics, open_metrics=open_metrics)
        transport = httpx.ASGITransport(gate)
        async with httpx.AsyncClient(transport=transport, base_url="http://kamado") as client:
            return await client.get(path, headers=headers)

    return ask


async def test_without_keys_everybody_comes_in_as_nobody(ask):
    response = await ask("/v1/models", keys=KeyRing(), authorization="Bearer a1")
    assert (response.status_code, response.text) == (200, "None")


async def test_the_caller_is_known_by_name_and_forgotten_afterwards(ask):
    assert (await ask("/v1/models", authorization="Bearer a1")).text == "alice"
    assert (await ask("/anything", **{"x-api-key": "b2"})).text == "bob"
    assert (await ask("/v1/models", authorization="Basic a1", **{"x-api-key": "b2"})).text == "bob"
    assert caller.get() is None


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz", "/docs", "/docs/a", "/client/b"])
async def test_open_paths(ask, path):
    assert (await ask(path)).text == "None"


@pytest.mark.parametrize("path", ["/", "/livez/", "/LIVEZ", "/docsx", "/clients", "//livez", "/x"])
async def test_all_others_are_closed(ask, path):
    assert (await ask(path)).status_code == 401


async def test_metrics_are_open_unless_they_are_not(ask, metrics):
    assert (await ask("/metrics")).status_code == 200
    assert (await ask("/metrics", open_metrics=False)).status_code == 401
    opened = await ask("/metrics", open_metrics=False, authorization="Bearer a1")
    assert opened.text == "alice"
    assert 'kamado_requests_total{route="unknown",status="401"} 1.0' in metrics.render()


@pytest.mark.parametrize(
    "header", ["", "a1", "Bearer", "Bearer ", "Basic a1", "Bearer a1,b2", "Bearer alice:a1"]
)
async def test_what_is_no_key_in_a_header(ask, header):
    response = await ask("/v1/models", authorization=header)
    assert response.status_code == 401
    assert "a1" not in response.text


async def test_a_server_may_start_and_sockets_are_refused(metrics):
    seen, sent = [], []

    async def inner(scope, receive, send):
        seen.append(scope["type"])

    async def send(message):
        sent.append(message)

    gate = KeyGate(inner, keys=KeyRing("a1"), metrics=metrics, open_metrics=True)
    await gate({"type": "lifespan"}, None, send)
    await gate({"type": "websocket", "path": "/v1/realtime", "headers": []}, None, send)
    assert seen == ["lifespan"]
    assert [message["type"] for message in sent] == ["websocket.close"]
