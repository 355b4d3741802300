"""The server around engines that have none, with an engine that counts."""

import threading
from pathlib import Path

import httpx
import pytest
import uvicorn

from benchmarks.completion_client import CompletionClient
from benchmarks.peers.servers.streaming import StreamingServer, take
from benchmarks.word_tokenizer import word_tokenizer


class CountingEngine:
    """Says 300, 301, ... in steps of two tokens, and one more than it was asked for."""

    def run(self, waiting, publish):
        while True:
            for job in take(waiting, wait=True):
                ids = list(range(300, 300 + job.num_tokens + 1))
                for start in range(0, len(ids), 2):
                    publish([(job, ids[start : start + 2])])


@pytest.fixture
def base_url():
    app = StreamingServer(CountingEngine, word_tokenizer(2000)).app
    running = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="on"))
    thread = threading.Thread(target=running.run)
    thread.start()
    while not running.started:
        thread.join(0.01)
    port = running.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    running.should_exit = True
    thread.join()


async def test_streams_exactly_so_many_tokens(base_url):
    async with httpx.AsyncClient(base_url=base_url) as http:
        assert (await http.get("/health")).status_code == 200
        record = await CompletionClient(http, "x", fields={"max_tokens": 5}).send(" ab ac")
    assert record.error is None
    assert (record.prompt_tokens, record.completion_tokens) == (2, 5)
    assert len(record.event_times_s) == 5


def test_servers_of_peers_import_nothing_that_their_environments_lack():
    folder = Path(__file__).parents[3] / "benchmarks/peers/servers"
    for file in folder.glob("*.py"):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith(("from benchmarks", "import benchmarks")):
                assert line.startswith("from benchmarks.peers.servers.")
