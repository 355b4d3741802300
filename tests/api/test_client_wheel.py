"""The client is handed out by the service."""

import httpx
import pytest
from starlette.routing import Router

from api.client_wheel import client_routes
from api.front_door import FrontDoor

NAME = "langchain_kamado-1.2.3-py3-none-any.whl"


@pytest.fixture
async def client(tmp_path, metrics):
    app = FrontDoor(Router(client_routes(tmp_path)), metrics)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://kamado:3000") as client:
        yield client


async def test_how_to_install_it_is_told(client, tmp_path):
    (tmp_path / NAME).write_bytes(b"wheel")
    told = (await client.get("/client")).text
    url = told.splitlines()[0].removeprefix("pip install ")
    assert url == f"http://kamado:3000/client/{NAME}"
    assert (await client.get(url)).content == b"wheel"


@pytest.mark.parametrize("name", ["other.whl", "..%2fsecret", "%2e%2e", "langchain_kamado-1.whl"])
async def test_nothing_else_is_handed_out(client, tmp_path, name):
    (tmp_path / NAME).write_bytes(b"wheel")
    (tmp_path.parent / "secret").write_text("secret")
    assert (await client.get(f"/client/{name}")).status_code == 404


async def test_without_a_wheel_it_says_how_to_build_one(client):
    for path in ("/client", f"/client/{NAME}"):
        answer = await client.get(path)
        assert answer.status_code == 404
        assert "make client" in answer.json()["error"]["message"]
