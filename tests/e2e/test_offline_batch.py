"""`python -m runners.batch`, as a user runs it: to the end, stopped, killed, and begun again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]
NUM_LINES = 30


def line(i, **body):
    body = {
        "model": "pocket",
        "prompt": f"House {i}",
        "seed": i,
        "max_tokens": 400,
        "ignore_eos": True,
    } | body
    body = {"ignore_eos": True} | body
    return {"custom_id": f"{i}", "method": "POST", "url": "/v1/completions", "body": body}


def obey_interrupts():
    """Whoever runs the tests in the background had them ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(line(i)) + "\n" for i in range(NUM_LINES)))
    return path


@pytest.fixture
def start(source, tmp_path):
    processes = []

    def start(output=tmp_path / "out.jsonl", *options):
        command = [sys.executable, "-m", "runners.batch", str(source), str(output), *options]
        processes.append(
            subprocess.Popen(
                [*command, "--arg", "kv_memory_gb=0.25", "--concurrency", "4"],
                cwd=PROJECT,
                env=os.environ | {"KAMADO_STATE_DIR": str(tmp_path / "state")},
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
                preexec_fn=obey_interrupts,
            )
        )
        return processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()


def texts(path):
    """custom_id -> text; each there once."""
    lines = [json.loads(written) for written in path.read_bytes().splitlines()]
    found = {a["custom_id"]: a["response"]["body"]["choices"][0]["text"] for a in lines}
    assert len(found) == len(lines)
    return found


def wait_for_lines(path, count, process):
    deadline = time.monotonic() + 60
    while not path.exists() or path.read_bytes().count(b"\n") < count:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_stopped_and_killed_it_goes_on_to_the_same_answers(start, tmp_path):
    whole, broken = tmp_path / "whole.jsonl", tmp_path / "broken.jsonl"
    run = start(whole)
    _, told = run.communicate(timeout=90)
    assert run.returncode == 0, told
    assert f"{NUM_LINES} lines are answered" in told
    assert "tokens/s" in told

    run = start(broken)
    wait_for_lines(broken, 3, run)
    run.send_signal(signal.SIGINT)
    _, told = run.communicate(timeout=30)
    assert run.returncode == 130
    assert f"of {NUM_LINES} lines are answered" in told
    stopped = texts(broken)
    assert 3 <= len(stopped) < NUM_LINES

    run = start(broken)
    wait_for_lines(broken, len(stopped) + 3, run)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    killed = broken.read_bytes()
    assert killed.count(b"\n") < NUM_LINES

    run = start(broken)
    assert run.wait(90) == 0
    assert broken.read_bytes().startswith(killed)
    assert texts(broken) == texts(whole)


def test_what_cannot_be_run_is_told_before_the_model_is_loaded(start, source, tmp_path):
    def told(*options):
        run = start(*options)
        _, message = run.communicate(timeout=60)
        assert run.returncode == 2
        assert "Traceback" not in message
        return message

    output = tmp_path / "out.jsonl"
    assert "--arg modle is no setting" in told(output, "--arg", "modle=x")
    assert "there is no model 'none'" in told(output, "--arg", "model=none")
    output.write_text('{"custom_id": "other", "response": {"status_code": 200}}\n')
    assert "the output answers 'other', which in.jsonl does not ask" in told(output)
    source.write_text("{}\n")
    assert "in.jsonl, line 1: the field 'body' is required" in told(tmp_path / "new.jsonl")


def test_a_refused_line_is_answered_with_its_refusal(start, source, tmp_path):
    source.write_text("".join(json.dumps(a) + "\n" for a in (line(0), line(1, temperature=-1))))
    run = start()
    _, told = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "1 of them with a refusal" in told
    answers = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    statuses = {a["custom_id"]: a["response"]["status_code"] for a in answers}
    assert statuses == {"0": 200, "1": 400}
