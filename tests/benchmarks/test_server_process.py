"""Starting, pausing and stopping a peer, on one that is five lines long."""

import os
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from benchmarks.server_process import ServerError, ServerProcess

PROGRAM = """
import http.server, subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""


class FilePeer:
    name = "files"
    weights = "int8"
    remark = ""
    ready_path = "/"

    def __init__(self, program=PROGRAM):
        self.program = program

    def prepare(self, model):
        pass

    def command(self, model, port, num_threads):
        return [sys.executable, "-c", self.program, str(port)]

    def environment(self):
        return {}

    def client(self, http, model, num_tokens):
        pytest.fail("these tests send no requests")


async def test_nothing_is_left_of_a_server_once_stopped(tmp_path):
    log = tmp_path / "log"
    async with ServerProcess.started(FilePeer(), Path("tiny"), log, num_threads=1) as server:
        tree = [psutil.Process(server.pid), *psutil.Process(server.pid).children()]
        assert len(tree) == 2
        assert 0 < server.ready_s < 30
        assert os.getpgid(server.pid) != os.getpgid(0)
        server.pause()
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(server.base_url, timeout=0.2)
        server.resume()
        assert httpx.get(server.base_url).status_code == 200
        server.pause()
    gone, alive = psutil.wait_procs(tree, timeout=5)
    assert alive == []
    assert len(gone) == 2


async def test_a_server_that_ends_says_its_last_words(tmp_path):
    log = tmp_path / "log"
    peer = FilePeer("import sys; sys.exit('no such model')")
    with pytest.raises(ServerError, match=r"ended with status 1: no such model; see log"):
        async with ServerProcess.started(peer, Path("tiny"), log, num_threads=1):
            pass
    assert log.read_text().strip() == "no such model"
