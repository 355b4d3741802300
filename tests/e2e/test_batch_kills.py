"""A batch whose server is killed: the short form of benchmarks/batch_kills.py. Or its worker,
which its supervisor starts again."""

import contextlib
import json
import time

import openai
import psutil
import pytest

from benchmarks.batch_kills import BatchKills, MortalServer, batch_lines

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # six lives of a server


def test_every_line_is_answered_once_whenever_the_server_dies(tmp_path):
    server = MortalServer(tmp_path)
    try:
        report = BatchKills(server, num_lines=40, life_s=1.5, seed=7).run(5)
    finally:
        server.kill()
    assert report.faults == []
    assert sum(report.kills.values()) == 5
    assert report.num_lines == 40 * report.num_batches > 0


def workers(server):
    """Processes that listen to the server's clients beside their supervisor."""
    supervisor = psutil.Process(server.process.pid)
    return [p for p in supervisor.children(recursive=True) if "_bentoml_impl.worker" in cmd(p)]


def cmd(process):
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def test_a_batch_goes_on_in_the_next_worker(start):
    server = start(kv_memory_gb=0.25)
    server.wait("/readyz", 200)
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="-", max_retries=20) as client:
        file = client.files.create(file=("in.jsonl", batch_lines(100)), purpose="batch")
        batch = client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        deadline = time.monotonic() + 90
        while not batch.request_counts.completed:
            assert time.monotonic() < deadline
            time.sleep(0.02)
            batch = client.batches.retrieve(batch.id)
        (worker,) = workers(server)
        worker.kill()
        assert batch.request_counts.completed < 100
        while batch.status != "completed":
            assert time.monotonic() < deadline, batch
            time.sleep(0.2)
            with contextlib.suppress(openai.APIConnectionError):
                batch = client.batches.retrieve(batch.id)
        assert workers(server) != [worker]
        answers = client.files.content(batch.output_file_id).text.splitlines()
    assert [json.loads(line)["custom_id"] for line in answers] == [f"line-{i}" for i in range(100)]
