"""The output of an offline run: each answer once and whole, whatever happened to the run before."""

import json
import resource

import pytest

from runners.batch_file import AnswerFile, read_batch
from runners.batch_line import BatchAnswer
from runners.errors import OfflineError


def write_batch(path, *custom_ids):
    lines = [
        {"custom_id": i, "method": "POST", "url": "/v1/completions", "body": {}} for i in custom_ids
    ]
    path.write_text("".join(json.dumps(line) + "\n\n" for line in lines))
    return path


def answer(custom_id, status_code=200):
    return BatchAnswer(custom_id, status_code, "req_1", {"text": "x" * 50})


def custom_ids(path):
    return [json.loads(line)["custom_id"] for line in path.read_bytes().splitlines()]


def test_lines_are_read_in_order(tmp_path):
    path = write_batch(tmp_path / "in.jsonl", "b", "a")
    assert [line.custom_id for line in read_batch(path)] == ["b", "a"]


def test_a_fault_is_told_with_its_line(tmp_path):
    path = write_batch(tmp_path / "in.jsonl", "a", "b", "a")
    with pytest.raises(OfflineError, match=r"in\.jsonl, line 5: custom_id 'a' is that of line 1"):
        list(read_batch(path))
    path.write_text("{}\n")
    with pytest.raises(OfflineError, match="line 1: the field 'body' is required"):
        list(read_batch(path))
    with pytest.raises(OfflineError, match="No such file"):
        list(read_batch(tmp_path / "none.jsonl"))


@pytest.mark.parametrize("cut", range(1, 160, 13))
def test_a_torn_line_is_cut_off_and_what_is_whole_is_known(tmp_path, cut):
    path = tmp_path / "out.jsonl"
    with AnswerFile(path) as answers:
        answers.write(answer("a"))
        answers.write(answer("b", 400))
    path.write_bytes(path.read_bytes()[:-cut])
    with AnswerFile(path) as answers:
        known = {"a"} if cut < len(answer("b", 400).written()) else set()
        assert answers.answered == known
        assert answers.num_refused == 0
        for custom_id in {"a", "b"} - known:
            answers.write(answer(custom_id))
    assert sorted(custom_ids(path)) == ["a", "b"]


def test_two_runs_never_write_to_one_file(tmp_path):
    with (
        AnswerFile(tmp_path / "out.jsonl"),
        pytest.raises(OfflineError, match="another run"),
        AnswerFile(tmp_path / "out.jsonl"),
    ):
        pass


def test_a_file_of_something_else_is_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("dear diary\n")
    with pytest.raises(OfflineError, match="line 1, is no answer"), AnswerFile(path):
        pass
    assert path.read_text() == "dear diary\n"


def test_a_disk_that_fills_up_leaves_no_part_of_a_line(tmp_path, file_limit):
    path = tmp_path / "out.jsonl"
    with AnswerFile(path) as answers:
        answers.write(answer("a"))
        before = path.read_bytes()
        file_limit(len(before) + 20)
        with pytest.raises(OSError, match="No space left"):
            answers.write(answer("b"))
        assert path.read_bytes() == before
        file_limit(resource.RLIM_INFINITY)
        answers.write(answer("b"))
    assert custom_ids(path) == ["a", "b"]
