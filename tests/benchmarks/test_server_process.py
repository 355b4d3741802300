"""Starting, pausing and stopping a peer, on one that is five lines long."""

import os
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from benchmarks.peers.kamado import Kamado
from benchmarks.peers.transformers_serve import TransformersServe
from benchmarks.server_process import ServerError, ServerProcess

PROGRAM = """
import http.server, subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""


class FilePeer:
    name = "files"
    ready_path = "/"

    def __init__(self, program=PROGRAM):
        self.program = program

    def command(self, model, port):
        return [sys.executable, "-c", self.program, str(port)]

    def environment(self):
        return {}

    def model_name(self, model):
        return model.name

    def exactly(self, num_tokens):
        return {}


async def test_nothing_is_left_of_a_server_once_stopped(tmp_path):
    log = tmp_path / "log"
    async with ServerProcess.started(FilePeer(), Path("tiny"), log, num_threads=1) as server:
        tree = [psutil.Process(server.pid), *psutil.Process(server.pid).children()]
        assert len(tree) == 2
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


async def test_a_server_that_ends_says_where_its_output_is(tmp_path):
    log = tmp_path / "log"
    peer = FilePeer("import sys; sys.exit('no such model')")
    with pytest.raises(ServerError, match=r"ended with status 1; see .*log"):
        async with ServerProcess.started(peer, Path("tiny"), log, num_threads=1):
            pass
    assert log.read_text().strip() == "no such model"


def test_peers_are_told_to_generate_exactly_so_many_tokens():
    assert Kamado().exactly(9)["ignore_eos"] is True
    assert '"eos_token_id": -1' in TransformersServe().exactly(9)["generation_config"]
    assert "quantization=int8" in Kamado("int8").command(Path("tiny"), 1)
    assert "--continuous-batching" in TransformersServe().command(Path("tiny"), 1)
