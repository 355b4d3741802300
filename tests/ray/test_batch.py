"""`python -m runners.ray batch` on a cluster: to the end, over the death of an engine, and begun
again after its own."""

import json
import os
import signal
import subprocess
import time

import pytest

from tests.ray.cluster import LINE_ACTOR

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(240)]

NUM_LINES = 120
REFUSED = 7


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("batch") / "in.jsonl"
    with path.open("w") as file:
        for i in range(NUM_LINES):
            body = {"model": "pocket", "prompt": f"House {i}", "seed": i, "max_tokens": 300}
            body |= {"ignore_eos": True} | ({"temperature": -1} if i == REFUSED else {})
            line = {"custom_id": f"{i}", "method": "POST", "url": "/v1/completions", "body": body}
            file.write(json.dumps(line) + "\n")
    return path


@pytest.fixture
def start(two_nodes, source, tmp_path):
    """Begins a run over two engines."""
    runs = []

    def start(output):
        options = ["replica_cpus=1", "kv_memory_gb=0.1", "min_replicas=2", "max_replicas=2"]
        arguments = ("batch", str(source), str(output), *options)
        runs.append(two_nodes.popen(*arguments, stderr=subprocess.PIPE, text=True))
        return runs[-1]

    yield start
    for run in runs:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        run.stderr.close()


@pytest.fixture(scope="module")
def whole():
    """custom_id -> text, of the first run that went through."""
    return {}


def answers(path):
    """custom_id -> its line; each there once."""
    lines = [json.loads(written) for written in path.read_bytes().splitlines()]
    found = {line["custom_id"]: line for line in lines}
    assert len(found) == len(lines)
    return found


def texts(path):
    return {
        custom_id: line["response"]["body"]["choices"][0]["text"]
        for custom_id, line in answers(path).items()
        if line["response"]["status_code"] == 200
    }


def wait_for_lines(path, count, run):
    deadline = time.monotonic() + 100
    while not path.exists() or path.read_bytes().count(b"\n") < count:
        assert run.poll() is None, run.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def finish(run):
    _, told = run.communicate(timeout=120)
    assert run.returncode == 1, told  # one line is refused
    assert f"{NUM_LINES} lines are answered" in told
    assert "1 of them with a refusal" in told


def test_an_engine_that_is_killed_costs_no_line(start, two_nodes, tmp_path, whole):
    output = tmp_path / "out.jsonl"
    run = start(output)
    wait_for_lines(output, 1, run)
    assert output.read_bytes().count(b"\n") < NUM_LINES, "nothing is left to be interrupted"
    victim = two_nodes.processes(LINE_ACTOR)[0]
    victim.kill()
    finish(run)
    refusal = answers(output)[str(REFUSED)]["response"]
    assert refusal["status_code"] == 400
    assert refusal["body"]["error"]["param"] == "temperature"
    whole.update(texts(output))
    assert len(whole) == NUM_LINES - 1


def test_a_run_that_is_killed_goes_on_to_the_same_answers(start, two_nodes, tmp_path, whole):
    output = tmp_path / "out.jsonl"
    run = start(output)
    wait_for_lines(output, 1, run)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    kept = output.read_bytes()
    assert 1 <= kept.count(b"\n") < NUM_LINES
    two_nodes.wait_for_processes(LINE_ACTOR, 0)  # Ray ends what a job leaves behind
    finish(start(output))
    assert output.read_bytes().startswith(kept[: kept.rfind(b"\n") + 1])
    assert texts(output) == whole
