"""The embedded database: what is committed stays, what fails leaves nothing."""

import asyncio
import sqlite3
import stat

import pytest

from api.errors import UnavailableError
from api.state import StateDatabase, state_folder

SCHEMA = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);"


@pytest.fixture
def opened(tmp_path):
    databases = []

    def open_database(version=1, path=tmp_path / "state" / "notes.sqlite3"):
        databases.append(StateDatabase(path, SCHEMA, version))
        return databases[-1]

    yield open_database
    for database in databases:
        database.close()


def insert(text):
    return lambda connection: connection.execute("INSERT INTO notes (text) VALUES (?)", (text,))


def texts(connection):
    return [row["text"] for row in connection.execute("SELECT text FROM notes ORDER BY id")]


async def test_nothing_is_made_before_the_first_use(opened, tmp_path):
    database = opened()
    assert not database.exists
    assert not list(tmp_path.iterdir())
    await database.run(insert("a"))
    assert database.exists
    assert stat.S_IMODE(database.path.parent.stat().st_mode) == 0o700


async def test_two_connections_see_each_others_commits(opened):
    first, second = opened(), opened()
    await asyncio.gather(*(d.run(insert(f"{i}")) for i, d in enumerate([first, second] * 20)))
    assert sorted(await first.run(texts), key=int) == [str(i) for i in range(40)]
    assert await first.run(texts) == await second.run(texts)


async def test_work_that_raises_leaves_nothing(opened):
    database = opened()
    await database.run(insert("a"))

    def twice(connection):
        insert("b")(connection)
        insert("a")(connection)

    with pytest.raises(sqlite3.IntegrityError):
        await database.run(twice)
    assert await database.run(texts) == ["a"]


async def test_another_schema_is_refused_by_its_number(opened):
    await opened().run(insert("a"))
    with pytest.raises(UnavailableError, match="schema 1, this release reads 2"):
        await opened(version=2).run(texts)


async def test_a_folder_that_cannot_be_made_is_told_without_its_path(opened, tmp_path):
    (tmp_path / "file").write_text("in the way")
    database = opened(path=tmp_path / "file" / "notes.sqlite3")
    with pytest.raises(UnavailableError) as caught:
        await database.run(texts)
    assert "cannot be read or written" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


async def test_a_file_that_is_no_database_is_told(opened):
    database = opened()
    database.path.parent.mkdir()
    database.path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(UnavailableError, match="file is not a database"):
        await database.run(texts)
    assert database.path.read_bytes().startswith(b"not a database")


def test_each_model_has_a_folder_within_the_given_one(tmp_path, monkeypatch):
    assert state_folder(str(tmp_path), "pocket") == tmp_path / "pocket"
    for name in ("org/name", "../../etc", "..", "/"):
        assert state_folder(str(tmp_path), name).parent == tmp_path
        assert state_folder(str(tmp_path), name).resolve().parent == tmp_path.resolve()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder(None, "pocket").is_relative_to(tmp_path)


async def test_two_that_open_a_new_file_at_once_wait_for_each_other(tmp_path, opened):
    """While one holds the new file, changing its mode is refused, and not waited for by SQLite."""
    (tmp_path / "state").mkdir()
    holder = sqlite3.connect(tmp_path / "state" / "notes.sqlite3", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(opened().run(insert("a")))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    holder.execute("COMMIT")
    holder.close()
    await waiting
