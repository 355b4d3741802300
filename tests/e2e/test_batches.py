"""Files and batches through OpenAI's own client, against a real server."""

import json
import time

import httpx
import openai
import pytest

pytestmark = pytest.mark.slow

ENDED = ("completed", "failed", "expired", "cancelled")


def chat_line(custom_id, content="Hello!", **body):
    messages = [{"role": "user", "content": content}]
    body = {"model": "pocket", "messages": messages, "temperature": 0, "max_tokens": 16} | body
    return {
        "custom_id": custom_id,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": body,
    }


def jsonl(lines):
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


@pytest.fixture
def upload(client):
    def upload(lines, **options):
        content = lines if isinstance(lines, bytes) else jsonl(lines)
        return client.files.create(file=("in.jsonl", content), purpose="batch", **options)

    return upload


@pytest.fixture
def submit(client, upload):
    def submit(lines, endpoint="/v1/chat/completions", **options):
        return client.batches.create(
            input_file_id=upload(lines).id,
            endpoint=endpoint,
            completion_window="24h",
            **options,
        )

    return submit


@pytest.fixture
def ended(client):
    def ended(batch, timeout_s=60):
        deadline = time.monotonic() + timeout_s
        while (now := client.batches.retrieve(batch.id)).status not in ENDED:
            assert time.monotonic() < deadline, now
            time.sleep(0.1)
        return now

    return ended


@pytest.fixture
def answers(client):
    """custom_id -> output line of a file, each there once."""

    def answers(file_id):
        lines = [json.loads(line) for line in client.files.content(file_id).text.splitlines()]
        by_id = {line["custom_id"]: line for line in lines}
        assert len(by_id) == len(lines)
        return by_id

    return answers


def test_a_batch_answers_what_an_online_request_answers(client, submit, ended, answers, ask):
    contents = ["Hello!", "Who are you?", "Translate into French: the red house is old."]
    lines = [chat_line(f"line-{i}", content) for i, content in enumerate(contents)]
    batch = submit(lines, metadata={"night": "1"})
    assert batch.status == "validating"
    done = ended(batch)
    assert done.status == "completed"
    assert done.metadata == {"night": "1"}
    assert done.model == "pocket"
    assert done.error_file_id is None
    counts = done.request_counts
    assert (counts.total, counts.completed, counts.failed) == (3, 3, 0)
    assert done.created_at <= done.in_progress_at <= done.finalizing_at <= done.completed_at
    assert done.expires_at == done.created_at + 86_400
    got = answers(done.output_file_id)
    assert list(got) == ["line-0", "line-1", "line-2"]
    for i, content in enumerate(contents):
        response = got[f"line-{i}"]["response"]
        assert response["status_code"] == 200
        assert response["request_id"].startswith("req_")
        online = ask(content, max_tokens=16)
        assert response["body"]["choices"][0]["message"]["content"] == (
            online.choices[0].message.content
        )
    total = sum(line["response"]["body"]["usage"]["total_tokens"] for line in got.values())
    assert done.usage.total_tokens == total
    with pytest.raises(openai.BadRequestError, match="is completed"):
        client.batches.cancel(batch.id)
    output = client.files.retrieve(done.output_file_id)
    assert output.purpose == "batch_output"
    assert output.bytes == len(client.files.content(output.id).content)


@pytest.mark.parametrize(
    ("endpoint", "body", "shape"),
    [
        ("/v1/completions", {"prompt": "Once", "max_tokens": 4}, "text_completion"),
        ("/v1/embeddings", {"input": ["red", "blue"]}, "list"),
    ],
)
def test_the_other_endpoints(submit, ended, answers, endpoint, body, shape):
    body = {"model": "pocket"} | body
    line = {"custom_id": "a", "method": "POST", "url": endpoint, "body": body}
    done = ended(submit([line], endpoint))
    assert done.status == "completed"
    assert answers(done.output_file_id)["a"]["response"]["body"]["object"] == shape


def test_a_line_that_is_refused_goes_to_the_error_file(submit, ended, answers):
    lines = [
        chat_line("good"),
        chat_line("hot", temperature=-1),
        chat_line("other", model="gpt-9"),
        chat_line("streamed", stream=True),
        chat_line("first", priority=-1),
    ]
    done = ended(submit(lines))
    assert done.status == "completed"
    assert (done.request_counts.completed, done.request_counts.failed) == (1, 4)
    assert set(answers(done.output_file_id)) == {"good"}
    failed = {
        name: (line["response"]["status_code"], line["response"]["body"]["error"]["param"])
        for name, line in answers(done.error_file_id).items()
    }
    assert failed == {
        "hot": (400, "temperature"),
        "other": (404, "model"),
        "streamed": (400, "stream"),
        "first": (400, "priority"),
    }


def test_a_file_that_is_no_batch_fails_with_its_lines_named(submit, ended):
    good = chat_line("a")
    lines = [
        json.dumps(good),
        "not json",
        json.dumps(good),
        json.dumps(good | {"custom_id": "b", "url": "/v1/completions"}),
        json.dumps({"custom_id": "c"}),
    ]
    failed = ended(submit("\n".join(lines).encode()))
    assert failed.status == "failed"
    assert failed.failed_at is not None
    assert [(error.line, error.code) for error in failed.errors.data] == [
        (2, "invalid_json_line"),
        (3, "duplicate_custom_id"),
        (4, "mismatched_url"),
        (5, "missing_required_parameter"),
    ]
    assert failed.output_file_id is None


def test_what_is_done_is_kept_when_a_batch_is_cancelled(client, submit, ended, answers):
    endless = {"max_tokens": 1500, "ignore_eos": True}
    lines = [chat_line("short"), *(chat_line(f"long-{i}", **endless) for i in range(60))]
    batch = submit(lines)
    deadline = time.monotonic() + 30
    while not client.batches.retrieve(batch.id).request_counts.completed:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert client.batches.cancel(batch.id).status == "cancelling"
    done = ended(batch, timeout_s=5)
    assert done.status == "cancelled"
    assert done.cancelling_at <= done.cancelled_at
    finished, others = answers(done.output_file_id), answers(done.error_file_id)
    assert "short" in finished
    assert sorted({**finished, **others}) == sorted(line["custom_id"] for line in lines)
    assert len(finished) + len(others) == len(lines)
    assert {line["error"]["code"] for line in others.values()} == {"batch_cancelled"}
    assert client.batches.cancel(batch.id).status == "cancelled"


def test_online_requests_come_first(client, submit, ended, ask):
    """While the batch holds every seat, an answer takes no longer than its own steps."""
    endless = {"max_tokens": 1500, "ignore_eos": True}
    batch = submit([chat_line(f"long-{i}", **endless) for i in range(32)])
    deadline = time.monotonic() + 30
    while client.batches.retrieve(batch.id).status != "in_progress":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    before = client.batches.retrieve(batch.id).request_counts.completed
    for _ in range(3):
        assert ask("Who are you?").choices[0].finish_reason == "stop"
    assert client.batches.retrieve(batch.id).request_counts.completed - before <= 8
    client.batches.cancel(batch.id)
    ended(batch, timeout_s=5)


def test_files_are_listed_read_and_deleted(client, upload):
    files = [upload(f'{{"custom_id": "{i}"}}\n'.encode()) for i in range(3)]
    assert [file.filename for file in files] == ["in.jsonl"] * 3
    page = client.files.list(limit=2, order="asc", purpose="batch")
    assert page.has_more
    listed = {file.id for file in client.files.list(limit=2)}  # the client turns the pages
    assert {file.id for file in files} <= listed
    assert client.files.content(files[0].id).content == b'{"custom_id": "0"}\n'
    assert client.files.delete(files[0].id).deleted
    for ask in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError):
            ask(files[0].id)


def test_batches_are_listed_newest_first(client, submit, ended):
    made = [submit([chat_line(f"{i}")]) for i in range(3)]
    for batch in made:
        ended(batch)
    page = client.batches.list(limit=2)
    assert [batch.id for batch in page.data] == [made[2].id, made[1].id]
    assert page.has_more
    assert [batch.id for batch in client.batches.list(limit=1, after=made[2].id).data] == [
        made[1].id
    ]


def test_refusals_name_the_field(client, upload, server):
    file = upload([chat_line("a")])
    for field, value in [
        ("endpoint", "/v1/images/generations"),
        ("completion_window", "1h"),
        ("input_file_id", "file-none"),
        ("metadata", {"k" * 65: "v"}),
    ]:
        body = {"input_file_id": file.id, "endpoint": "/v1/completions"}
        body |= {"completion_window": "24h", field: value}
        with pytest.raises(openai.BadRequestError) as caught:
            client.post("/batches", cast_to=object, body=body)
        assert field in str(caught.value)
    with pytest.raises(openai.BadRequestError, match="purpose"):
        client.files.create(file=b"{}", purpose="assistants")
    with pytest.raises(openai.NotFoundError, match="no batch"):
        client.batches.retrieve("batch_none")
    with pytest.raises(openai.BadRequestError, match="limit"):
        client.batches.list(limit=1000)
    assert httpx.post(f"{server.url}/v1/files", content=b"x").status_code == 415


def test_a_file_that_is_read_cannot_be_deleted(client, submit, ended):
    batch = submit([chat_line("a", max_tokens=1500, ignore_eos=True)])
    with pytest.raises(openai.BadRequestError, match="Cancel that first"):
        client.files.delete(batch.input_file_id)
    client.batches.cancel(batch.id)
    ended(batch)
    assert client.files.delete(batch.input_file_id).deleted
