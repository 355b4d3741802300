"""What is a line of a batch, what is none, and what its answer looks like."""

import json

import pytest

from runners.batch_line import BatchAnswer, BatchLine, TokenCounts, unanswered
from runners.errors import BatchLineError

GOOD = {"custom_id": "a", "method": "POST", "url": "/v1/completions", "body": {"prompt": "x"}}


def test_a_line_is_read():
    line = BatchLine.parse(json.dumps(GOOD).encode() + b"\r\n")
    assert (line.custom_id, line.url, line.body) == ("a", "/v1/completions", {"prompt": "x"})
    assert line.generates


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"custom_id": None}, "custom_id", "invalid_value"),
        ({"custom_id": ""}, "custom_id", "invalid_value"),
        ({"custom_id": "x" * 513}, "custom_id", "invalid_value"),
        ({"custom_id": 7}, "custom_id", "invalid_value"),
        ({"method": "GET"}, "method", "invalid_method"),
        ({"url": "/v1/files"}, "url", "invalid_url"),
        ({"url": ["/v1/completions"]}, "url", "invalid_url"),
        ({"body": []}, "body", "invalid_value"),
        ({"more": 1}, "more", "unknown_parameter"),
    ],
)
def test_a_wrong_field_is_named(change, field, code):
    with pytest.raises(BatchLineError) as caught:
        BatchLine.parse(json.dumps(GOOD | change).encode())
    assert (caught.value.field, caught.value.code) == (field, code)


@pytest.mark.parametrize("field", GOOD)
def test_a_missing_field_is_named(field):
    with pytest.raises(BatchLineError, match=f"{field!r} is required") as caught:
        BatchLine.parse(json.dumps({k: v for k, v in GOOD.items() if k != field}).encode())
    assert caught.value.field == field


@pytest.mark.parametrize(
    "written",
    [b"", b"[]", b'"a"', b"{", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"\xff", b'{"a": "\\ud800"}'],
)
def test_what_is_no_json_object_is_no_line(written):
    with pytest.raises(BatchLineError) as caught:
        BatchLine.parse(written)
    assert caught.value.code == "invalid_json_line"


def test_an_answer_is_one_line_in_openais_form():
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    usage["prompt_tokens_details"] = {"cached_tokens": 4}
    answer = BatchAnswer("a\n", 200, "req_1", {"text": "x\ny", "usage": usage})
    written = answer.written()
    assert written.endswith(b"\n")
    assert written.count(b"\n") == 1
    line = json.loads(written)
    assert line.pop("id").startswith("batch_req_")
    assert line == {
        "custom_id": "a\n",
        "response": {"status_code": 200, "request_id": "req_1", "body": answer.body},
        "error": None,
    }
    assert answer.tokens == TokenCounts(5, 4, 2)


def test_a_line_that_was_never_run_says_why():
    line = json.loads(unanswered("a", "batch_expired", "too late"))
    assert (line["custom_id"], line["response"]) == ("a", None)
    assert line["error"] == {"code": "batch_expired", "message": "too late"}
