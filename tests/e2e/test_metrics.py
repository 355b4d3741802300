"""/metrics of a real server tells of the batches and files that went through it."""

import json
import re
import time

import httpx
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def read(server):
    """All samples: name with labels -> value."""

    def read():
        text = httpx.get(f"{server.url}/metrics").text
        found = re.findall(r"^(kamado_\S+) (\S+)$", text, re.MULTILINE)
        return {name: float(value) for name, value in found}

    return read


def line(custom_id, **body):
    return {
        "custom_id": custom_id,
        "method": "POST",
        "url": "/v1/completions",
        "body": {"model": "pocket", "prompt": "Once", "max_tokens": 4, **body},
    }


def test_a_batch_and_its_files_are_counted(client, read):
    before = read()
    content = "".join(json.dumps(line(f"{i}", max_tokens=i)) + "\n" for i in range(4)).encode()
    file = client.files.create(file=("in.jsonl", content), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/completions", completion_window="24h"
    )
    deadline = time.monotonic() + 60
    while client.batches.retrieve(batch.id).status != "completed":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    after = read()

    def gained(name):
        return after[name] - before.get(name, 0)

    assert gained('kamado_batch_lines_total{outcome="succeeded"}') == 3
    assert gained('kamado_batch_lines_total{outcome="failed"}') == 1  # max_tokens is 0
    assert gained("kamado_files") == 3  # what it read, what succeeded, what failed
    assert gained("kamado_files_bytes") > len(content)
    assert after["kamado_batch_open_lines"] == 0
    open_statuses = {name for name in after if name.startswith("kamado_batches{")}
    assert len(open_statuses) == 4
    assert all(after[name] == 0 for name in open_statuses)
