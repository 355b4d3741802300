"""The service's life: starting, refusing to start, and ending without breaking an answer."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from api.__main__ import port_of
from models.store import resolve_model

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]


class Reader(threading.Thread):
    """Reads one stream to its end."""

    def __init__(self, server, **fields):
        super().__init__()
        self.begun = threading.Event()
        self.lines = []
        self.request = {
            "url": f"{server.url}/v1/completions",
            "json": {"model": "pocket", "prompt": "hi", "stream": True, "ignore_eos": True}
            | fields,
        }
        self.start()

    def run(self):
        with httpx.stream("POST", **self.request, timeout=60) as response:
            for line in response.iter_lines():
                self.lines.append(line)
                self.begun.set()


def test_from_loading_to_a_clean_end(start):
    server = start(kv_memory_gb=0.1, drain_timeout_s=20)
    server.wait("/livez", 200)
    if server.status("/readyz") == 503:
        refused = httpx.post(f"{server.url}/v1/completions", json={"model": "pocket", "prompt": ""})
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
    server.wait("/readyz", 200)

    reader = Reader(server, max_tokens=200)
    assert reader.begun.wait(10)
    server.process.terminate()
    deadline = time.monotonic() + 1
    while server.status("/readyz") != 503:
        assert time.monotonic() < deadline
        assert reader.is_alive()
    if reader.is_alive():
        assert server.status("/livez") == 200
        late = httpx.post(f"{server.url}/v1/completions", json={"model": "pocket", "prompt": "hi"})
        assert late.status_code == 503
    reader.join(30)
    assert reader.lines[-2] == "data: [DONE]"
    assert server.process.wait(30) == 0
    assert server.status("/livez") is None


def test_what_is_not_done_in_time_is_told_so(start):
    server = start(kv_memory_gb=0.1, drain_timeout_s=0.2)
    server.wait("/readyz", 200)
    reader = Reader(server, max_tokens=1900)
    assert reader.begun.wait(10)
    server.process.terminate()
    reader.join(10)
    last = json.loads(reader.lines[-2].removeprefix("data: "))
    assert last["error"]["code"] == "service_unavailable"
    assert server.process.wait(30) == 0


def test_a_worker_does_not_outlive_its_supervisor(start):
    server = start(kv_memory_gb=0.1, drain_timeout_s=20)
    server.wait("/readyz", 200)
    reader = Reader(server, max_tokens=200)
    assert reader.begun.wait(10)
    server.process.kill()
    reader.join(30)
    assert reader.lines[-2] == "data: [DONE]"
    deadline = time.monotonic() + 15
    while server.status("/livez") is not None:
        assert time.monotonic() < deadline, "the worker lives on"
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("options", "port"),
    [
        ([], 3000),
        (["--arg", "model=pocket"], 3000),
        (["--port", "4000", "--arg", "model=pocket"], 4000),
        (["--arg=model=pocket", "--port=4000"], 4000),
        (["-p", "4000"], 4000),
    ],
)
def test_the_starter_asks_where_the_server_listens(options, port):
    assert port_of(options) == port


def test_the_starter_shows_an_answer_and_ends_with_its_server(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"BENTOML_HOME": str(tmp_path), "BENTOML_DO_NOT_TRACK": "True"}
    command = [sys.executable, "-m", "api", "--port", str(port), "--arg", "kv_memory_gb=0.1"]
    starter = subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True
    )
    shown = ""
    for line in starter.stdout:
        shown += line
        if "temperature" in line:
            break
    assert "pocket is ready" in shown
    assert "I am Kamado Pocket" in shown
    starter.terminate()
    starter.communicate(timeout=60)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/livez")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"modle": "x"}, "--arg modle is no setting"),
        ({"max_num_seqs": "many"}, "max_num_seqs is 'many'"),
        ({"model": "no-such-model"}, "there is no model 'no-such-model'"),
    ],
)
def test_a_wrong_setting_ends_the_command(start, arguments, message):
    server = start(**arguments)
    assert server.process.wait(60) != 0
    assert message in server.log


def test_weights_that_cannot_be_loaded_end_the_service(start, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(resolve_model("pocket").folder, broken)
    weights = next(broken.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    server = start(model=broken)
    assert server.process.wait(90) == 1
    assert "broken cannot be served" in server.log
