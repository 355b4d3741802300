"""What is kept comes back as it was, and the oldest make room."""

import pytest

from api.response_store import KeepingLimits, KeptResponse, ResponseStore


def kept(name, text="x"):
    return KeptResponse({"id": name, "output": [{"text": text}]}, [{"id": "in"}], [{"id": "old"}])


@pytest.fixture
def open_store(tmp_path):
    opened = []

    def open_store(**limits):
        opened.append(ResponseStore(tmp_path, KeepingLimits(**limits)))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


async def test_survives_its_process(open_store):
    await open_store().keep(kept("a"))
    assert await open_store().get("a") == kept("a")
    assert kept("a").items == [{"id": "old"}, {"id": "in"}, {"text": "x"}]


async def test_a_later_state_takes_the_place_of_an_earlier(open_store):
    store = open_store()
    await store.keep(kept("a"))
    await store.keep(kept("a", "y"))
    assert await store.get("a") == kept("a", "y")


async def test_the_oldest_are_forgotten(open_store):
    store = open_store(num_responses=3)
    for name in "abcde":
        await store.keep(kept(name))
    assert [name for name in "abcde" if await store.get(name)] == ["c", "d", "e"]


async def test_size_is_bounded_but_the_newest_stays(open_store):
    store = open_store(num_bytes=1000)
    for name in "abcd":
        await store.keep(kept(name, "x" * 400))
    assert [name for name in "abcd" if await store.get(name)] == ["c", "d"]
    await store.keep(kept("e", "x" * 5000))
    assert [name for name in "abcde" if await store.get(name)] == ["e"]


async def test_age_is_bounded(open_store):
    store = open_store(age_s=0.0)
    await store.keep(kept("a"))
    assert await store.get("a") is None


async def test_deleting_says_whether_it_was_there(open_store):
    store = open_store()
    assert not await store.delete("a")
    await store.keep(kept("a"))
    assert await store.delete("a")
    assert not await store.delete("a")
