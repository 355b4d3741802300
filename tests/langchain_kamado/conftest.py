"""One real server of the bundled model for all tests of the client."""

import asyncio
import time

import httpx
import pytest

from langchain_kamado import ChatKamado
from tests.e2e.conftest import Server

ALIAS = "pocket-by-another-name"
FIELDS = {"model": "pocket", "base_url": "http://127.0.0.1:3000"}
"""Of an object that never asks a server."""
FROM_ENVIRONMENT = (
    {"KAMADO_API_KEY": "a key", "KAMADO_BASE_URL": "http://kamado:3000"},
    {"model": "pocket"},
    {"api_key": "a key", "base_url": "http://kamado:3000"},
)
"""Variables, fields beside them, and the fields that the variables fill."""


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """Its place is in the environment, as users would set it."""
    server = Server(
        tmp_path_factory.mktemp("server"),
        max_num_seqs=8,
        max_waiting=200,
        kv_memory_gb=0.25,
        model_alias=ALIAS,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KAMADO_BASE_URL", server.url)
        server.wait("/readyz", 200)
        yield server
    server.stop()


@pytest.fixture
def model(server):
    """Greedy, and never for long."""
    return ChatKamado(temperature=0, max_tokens=60)


class Watch:
    """What the server has under way."""

    def __init__(self, url):
        self._url = url

    def metric(self, name):
        text = httpx.get(f"{self._url}/metrics").text
        return sum(
            float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name} ")
        )

    @property
    def num_running(self):
        return self.metric("kamado_sequences_running") + self.metric("kamado_sequences_waiting")

    def until_running(self, count, timeout_s=30):
        """Returns once so many sequences are under way."""
        deadline = time.monotonic() + timeout_s
        while (seen := self.num_running) != count:
            assert time.monotonic() < deadline, f"{seen} sequences are under way, not {count}"
            time.sleep(0.03)

    async def auntil_running(self, count):
        await asyncio.to_thread(self.until_running, count)


@pytest.fixture
def watch(server):
    return Watch(server.url)
