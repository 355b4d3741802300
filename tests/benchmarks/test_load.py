"""The command itself."""

import json

import pytest
import typer
from typer.testing import CliRunner

from benchmarks.load import main

app = typer.Typer()
app.command()(main)


def load(server, *options):
    arguments = [server.base_url, "--model", "tiny", "--requests", "4", "--warmup", "1", *options]
    return CliRunner().invoke(app, arguments)


@pytest.mark.parametrize("shape", [["--clients", "2"], ["--rate", "500"]])
def test_prints_a_row_and_writes_a_file(server, tmp_path, shape):
    file = tmp_path / "result.json"
    result = load(server, *shape, "--max-tokens", "9", "--ignore-eos", "--json", str(file))
    assert result.exit_code == 0, result.output
    assert "| 4 | 0 | 5 | 3 |" in result.output
    assert len(json.loads(file.read_text())["requests"]) == 4
    assert len(server.bodies) == 5
    assert {(body["max_tokens"], body["ignore_eos"]) for body in server.bodies} == {(9, True)}


def test_token_ids_go_as_they_are(server):
    load(server, "--clients", "1", "--vocab-size", "400", "--prompt-tokens", "7")
    assert {len(body["prompt"]) for body in server.bodies} == {7}
    assert all(300 <= id_ < 400 for body in server.bodies for id_ in body["prompt"])


def test_failures_are_said_and_are_the_exit_status(server):
    server.status = 503
    result = load(server, "--clients", "2")
    assert result.exit_code == 1
    assert "4 x StreamError: 503" in result.output


@pytest.mark.parametrize("shape", [[], ["--clients", "2", "--rate", "1"]])
def test_wants_one_shape_of_load(server, shape):
    assert load(server, *shape).exit_code == 2
    assert server.bodies == []
