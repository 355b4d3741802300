"""A run of five-line servers: what is measured, repeated, resumed, and given up."""

import asyncio
import os
import signal
import sys
from dataclasses import replace

import psutil
import pytest

from benchmarks import comparison_run, server_pool
from benchmarks.compare import in_order
from benchmarks.comparison_run import ComparisonRun, least_disturbed
from benchmarks.completion_client import CompletionClient
from benchmarks.peers.peer import PeerUnavailable
from benchmarks.prompts import TextPrompts
from benchmarks.run_log import RunLog, RunLogError
from benchmarks.schedule import Turn
from tests.benchmarks.results import result
from tests.benchmarks.test_schedule import SCHEDULE

SERVER = """
import http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200); self.end_headers()
        n = body["max_tokens"]
        for event in (*[{"choices": [{"text": "a"}]}] * n, {"usage": {"completion_tokens": n}}):
            self.wfile.write(b"data: " + json.dumps(event).encode() + b"\\n\\n")
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


class ScriptPeer:
    weights = "int8"
    remark = ""
    ready_path = "/"

    def __init__(self, name, program=SERVER, error=None):
        self.name = name
        self.program = program
        self.error = error

    def prepare(self, model):
        if self.error:
            raise PeerUnavailable(self.error)

    def command(self, model, port, num_threads):
        return [sys.executable, "-c", self.program, str(port)]

    def environment(self):
        return {}

    def client(self, http, model, num_tokens):
        return CompletionClient(http, "tiny", fields={"max_tokens": num_tokens})


TWO = {"a": ScriptPeer("A"), "b": ScriptPeer("B")}


@pytest.fixture
def schedule(monkeypatch):
    """The machine of a test is never alone; here it counts as if it were."""
    monkeypatch.setattr("benchmarks.machine.MAX_FOREIGN_CORES", 100.0)
    return replace(SCHEDULE, clients=(1, 2), rounds=1)


def run(schedule, peers, folder):
    log = RunLog.opened(folder / "run.jsonl", schedule)
    return ComparisonRun(schedule, peers, TextPrompts(0, 8, 16), log, folder)


async def test_measures_every_turn_and_goes_on_where_it_was(schedule, tmp_path):
    first = run(schedule, TWO, tmp_path)
    await first.measure()
    assert set(first.log.results) == {Turn(name, clients, 0) for name in "ab" for clients in (1, 2)}
    for result_ in first.log.results.values():
        assert result_.errors == []
        assert set(result_.output_tokens) == {schedule.max_tokens}
    assert {name: len(starts) for name, starts in first.log.ready_s.items()} == {"A": 1, "B": 1}

    again = run(schedule, {**TWO, "c": ScriptPeer("C")}, tmp_path)
    assert again.log.results == first.log.results
    await again.measure()
    assert list(again.log.ready_s) == ["A", "B", "C"]
    assert len(again.log.ready_s["A"]) == 1


async def test_who_fails_is_left_out_and_says_why(schedule, tmp_path):
    peers = {
        "a": ScriptPeer("A"),
        "b": ScriptPeer("B", "import sys; sys.exit('quantization=int4 is unknown')"),
        "c": ScriptPeer("C", error="no compiler"),
    }
    some = run(schedule, peers, tmp_path)
    await some.measure()
    assert {turn.server for turn in some.log.results} == {"a"}
    assert some.unavailable["c"] == "no compiler"
    assert "quantization=int4 is unknown" in some.unavailable["b"]


async def test_where_memory_is_short_servers_are_ended_between_turns(
    schedule, tmp_path, monkeypatch
):
    monkeypatch.setattr(server_pool, "MIN_AVAILABLE_BYTES", 2**60)
    some = run(schedule, TWO, tmp_path)
    await some.measure()
    assert len(some.log.results) == 4
    assert [len(starts) for starts in some.log.ready_s.values()] == [2, 2]


async def test_a_disturbed_load_is_repeated(schedule, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.machine.MAX_FOREIGN_CORES", -1.0)
    some = run(schedule, {"a": ScriptPeer("A")}, tmp_path)
    await some.measure()
    assert len(some.log.results) == 2
    assert len(some.log.discarded) == 2 * schedule.retries
    reopened = RunLog.opened(tmp_path / "run.jsonl", schedule)
    assert len(reopened.discarded) == 2 * schedule.retries


async def test_told_to_end_it_ends_its_servers(schedule, tmp_path):
    others = set(psutil.Process().children())  # of tests before
    forever = run(replace(schedule, seconds=60.0), {"a": ScriptPeer("A")}, tmp_path)
    running = asyncio.create_task(in_order(forever))
    while not forever.log.ready_s:
        await asyncio.sleep(0.05)
    [server] = set(psutil.Process().children()) - others
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not server.is_running()


def test_the_least_disturbed_attempt_counts():
    attempts = [
        result("a", "1 client", seconds=1.0, foreign=0.4),
        result("a", "1 client", seconds=2.0, foreign=0.1, stolen=0.1),
        result("a", "1 client", seconds=3.0, foreign=0.3),
    ]
    assert least_disturbed(attempts) == (attempts[1], [attempts[0], attempts[2]])


def test_a_run_is_not_continued_with_other_options(schedule, tmp_path):
    run(schedule, TWO, tmp_path)
    with pytest.raises(RunLogError, match=r"begun with max_tokens=4, seed=0\. Give the same"):
        run(replace(schedule, max_tokens=5, seed=1), TWO, tmp_path)


def test_a_line_says_who_disturbed():
    line = comparison_run._line(result("a", "1 client", seconds=1.0, foreign=0.5))
    assert "others took 0.50 cores (compiler 0.50)" in line
