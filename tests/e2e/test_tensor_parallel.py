"""The bundled model divided between two processes, behind a real server."""

import contextlib
import json
import os
import signal
import time

import httpx
import psutil
import pytest

from runners.engine.step_plan import usable_cores

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(usable_cores() < 2, reason="one core cannot be divided between two ranks"),
]


@pytest.fixture(scope="module")
def divided(start):
    server = start(tensor_parallel=2, max_num_seqs=8, kv_memory_gb=0.25)
    server.wait("/readyz", 200)
    return server


def followers(server):
    found = []
    for process in psutil.Process(server.process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it may have ended just now
            if "runners.engine.parallel_worker" in process.cmdline():
                found.append(process)
    return found


def post(server, path, **body):
    response = httpx.post(server.url + path, json={"model": "pocket"} | body, timeout=60)
    assert response.status_code == 200, response.text
    return response.json()


def chat(server, content):
    body = {"messages": [{"role": "user", "content": content}], "temperature": 0, "max_tokens": 40}
    return post(server, "/v1/chat/completions", **body)["choices"][0]["message"]["content"]


def test_two_processes_answer_as_one_does(server, divided):
    assert len(followers(divided)) == 1
    for content in ("Hello! Who are you?", "Translate into French: the red house is old."):
        assert chat(divided, content) == chat(server, content)


def test_what_takes_a_single_forward_agrees(server, divided):
    vectors = [
        post(one, "/v1/embeddings", input="a red house")["data"][0]["embedding"]
        for one in (server, divided)
    ]
    assert vectors[1] == pytest.approx(vectors[0], abs=1e-4)
    results = [
        post(one, "/v1/classify", preset="sentiment", input="The soup was lovely.")
        for one in (server, divided)
    ]
    assert results[1]["data"][0]["label"] == results[0]["data"][0]["label"]


def test_a_rank_that_is_lost_costs_a_restart(divided):
    (lost,) = followers(divided)
    body = {"model": "pocket", "prompt": "hi", "stream": True, "max_tokens": 1900}
    body["ignore_eos"] = True
    url = f"{divided.url}/v1/completions"
    with httpx.stream("POST", url, json=body, timeout=100) as response:
        lines = response.iter_lines()
        assert "error" not in next(lines)
        lost.send_signal(signal.SIGKILL)
        *_, last = filter(None, lines)
    assert json.loads(last.removeprefix("data: "))["error"]["type"] == "server_error"
    deadline = time.monotonic() + 100
    while not [process for process in followers(divided) if process.pid != lost.pid]:
        assert time.monotonic() < deadline, divided.log
        time.sleep(0.1)
    divided.wait("/readyz", 200)
    assert f"rank 1 of tensor_parallel (process {lost.pid}) was ended by signal 9" in divided.log
    assert chat(divided, "Hello! Who are you?")


def test_the_end_is_clean(divided):
    last = followers(divided)
    divided.process.terminate()
    assert divided.process.wait(60) == 0, divided.log
    assert "terminate called" not in divided.log  # a thread of gloo's that outlives Python
    _, alive = psutil.wait_procs(last, timeout=60)
    assert not alive


def test_too_many_ranks_end_the_command(start):
    server = start(tensor_parallel=usable_cores() + 1)
    assert server.process.wait(60) != 0
    assert f"this process may use {usable_cores()} cores" in server.log


def test_no_rank_is_left_by_a_server_that_is_killed(start):
    server = start(tensor_parallel=2, kv_memory_gb=0.1)
    server.wait("/readyz", 200)
    (follower,) = followers(server)
    os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait()
    _, alive = psutil.wait_procs([follower], timeout=60)
    assert not alive
