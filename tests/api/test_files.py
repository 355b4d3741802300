"""/v1/files: what is kept, and what is refused before or while it is read."""

import asyncio

import httpx
import pytest
from starlette.routing import Router

from api import upload
from api.batch_schema import batch_database
from api.file_folder import FileFolder
from api.file_store import FileStore
from api.files import file_routes
from api.front_door import FrontDoor
from api.metrics import Metrics


@pytest.fixture
async def client(tmp_path):
    database = batch_database(tmp_path)
    files = FileStore(database, FileFolder(tmp_path / "files"), max_total_bytes=1500)
    app = FrontDoor(Router(file_routes(files, max_file_bytes=1000)), Metrics(lambda: None))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://kamado") as client:
        yield client
    database.close()


@pytest.fixture
def send(client):
    async def send(content=b"{}\n", filename="in.jsonl", **fields):
        files = {"file": (filename, content)}
        return await client.post("/v1/files", files=files, data={"purpose": "batch"} | fields)

    return send


def refusal(response):
    error = response.json()["error"]
    return response.status_code, error["param"], error["message"]


async def test_what_is_sent_is_kept(client, send):
    file = (await send(b"a\r\n\0b")).json()
    assert file["object"] == "file"
    assert (file["bytes"], file["filename"], file["purpose"]) == (5, "in.jsonl", "batch")
    assert file["expires_at"] == file["created_at"] + 30 * 86_400
    assert (await client.get(f"/v1/files/{file['id']}")).json() == file
    assert (await client.get(f"/v1/files/{file['id']}/content")).content == b"a\r\n\0b"
    expiring = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
    file = (await send(**expiring)).json()
    assert file["expires_at"] == file["created_at"] + 3600


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"purpose": "assistants"}, "purpose", "'batch'"),
        ({"content": b""}, "file", "empty"),
        ({"more": "x"}, "more", "unknown field"),
        ({"expires_after[anchor]": "created_at"}, "expires_after", "both"),
        (
            {"expires_after[anchor]": "created_at", "expires_after[seconds]": "5"},
            "expires_after[seconds]",
            "3600",
        ),
    ],
)
async def test_a_wrong_form_is_refused_by_its_field(send, fields, param, words):
    status, at_fault, message = refusal(await send(**fields))
    assert (status, at_fault) == (400, param)
    assert words in message


async def test_what_is_no_form_is_refused(client):
    response = await client.post("/v1/files", json={})
    assert response.status_code == 415
    headers = {"content-type": "multipart/form-data; boundary=x"}
    for content in (b"", b"--x\r\nbroken", b"--x--\r\n"):
        response = await client.post("/v1/files", content=content, headers=headers)
        assert response.status_code == 400, response.text
    two = [("file", ("a", b"1")), ("file", ("b", b"2"))]
    response = await client.post("/v1/files", files=two, data={"purpose": "batch"})
    assert response.status_code == 400
    response = await client.post("/v1/files", data={"purpose": "batch"}, files={"f": b"1"})
    assert refusal(response)[:2] == (400, "file")


async def test_a_file_over_the_limit_is_refused_while_it_is_read(client, send, tmp_path):
    assert refusal(await send(b"x" * 1001))[:2] == (413, "file")
    assert (await send(b"x" * 1000)).status_code == 200

    sent = 0

    async def endless():
        nonlocal sent
        yield b'--x\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n'
        while True:
            sent += 10_000
            yield b"y" * 10_000

    headers = {"content-type": "multipart/form-data; boundary=x"}
    response = await client.post("/v1/files", content=endless(), headers=headers)
    assert response.status_code == 413
    assert sent < 100_000
    headers["content-length"] = str(10**12)
    assert (await client.post("/v1/files", content=b"x", headers=headers)).status_code == 413
    assert len(list((tmp_path / "files").iterdir())) == 1


async def test_all_files_together_have_a_limit(client, send, tmp_path):
    first = (await send(b"x" * 900)).json()["id"]
    status, param, message = refusal(await send(b"x" * 900))
    assert (status, param) == (413, "file")
    assert "900 of the 1500" in message
    assert len(list((tmp_path / "files").iterdir())) == 1
    await client.delete(f"/v1/files/{first}")
    assert (await send(b"x" * 900)).status_code == 200


async def test_a_sender_who_stalls_is_given_up(client, monkeypatch):
    monkeypatch.setattr(upload, "STALL_TIMEOUT_S", 0.05)

    async def stalled():
        yield b"--x\r\n"
        await asyncio.sleep(60)

    headers = {"content-type": "multipart/form-data; boundary=x"}
    response = await client.post("/v1/files", content=stalled(), headers=headers)
    assert response.status_code == 408


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("../../etc/passwd", "passwd"), ("..", ".."), ("a" * 300, "a" * 255), ("a\x07b", None)],
)
async def test_a_name_is_a_name_only(client, send, tmp_path, sent, kept):
    file = (await send(filename=sent)).json()
    assert file["filename"] == (kept or file["filename"])
    assert file["filename"].isprintable()
    assert [path.name for path in (tmp_path / "files").iterdir()] == [file["id"]]


async def test_lists_are_asked_for_within_bounds(client, send):
    ids = [(await send()).json()["id"] for _ in range(3)]
    page = (await client.get("/v1/files?limit=2")).json()
    assert [file["id"] for file in page["data"]] == [ids[2], ids[1]]
    assert (page["first_id"], page["last_id"], page["has_more"]) == (ids[2], ids[1], True)
    page = (await client.get(f"/v1/files?after={ids[1]}")).json()
    assert [file["id"] for file in page["data"]] == [ids[0]]
    assert not page["has_more"]
    for query, param in [("limit=0", "limit"), ("limit=x", "limit"), ("colour=red", "colour")]:
        assert refusal(await client.get(f"/v1/files?{query}"))[:2] == (400, param)
    assert (await client.get("/v1/files?after=file-none")).status_code == 404
    assert (await client.get("/v1/files/..%2F..%2Fbatches.sqlite3/content")).status_code == 404


async def test_a_method_that_is_none_is_refused(client):
    assert (await client.put("/v1/files")).status_code == 405
