"""More than the service can take, and callers who leave."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection

import httpx
import openai
import pytest
from prometheus_client.parser import text_string_to_metric_families


def test_a_full_queue_refuses_and_says_when_to_come_again(ask, idle):
    retries = []

    def one(_):
        try:
            return ask(max_tokens=60, extra_body={"ignore_eos": True}).choices[0].finish_reason
        except openai.RateLimitError as error:
            retries.append(int(error.response.headers["retry-after"]))
            return error.code

    with ThreadPoolExecutor(40) as pool:
        outcomes = list(pool.map(one, range(40)))
    assert set(outcomes) == {"length", "queue_full"}
    assert outcomes.count("length") >= 16
    assert min(retries) >= 1
    idle()
    assert ask().choices


@pytest.mark.parametrize("n", [1, 8])
def test_hanging_up_a_stream_frees_its_sequences(post, idle, metric, n):
    with post(stream=True, n=n) as response:
        lines = response.iter_lines()
        for _ in range(20):
            next(lines)
        assert metric("kamado_sequences_running") == n
    idle()


def test_hanging_up_while_the_whole_answer_is_computed_frees_it(post, idle, metric):
    with pytest.raises(httpx.ReadTimeout), post(timeout_s=0.3):
        pass
    idle()


def test_hanging_up_in_the_queue_frees_the_place(post, idle, metric):
    with post(stream=True, n=8):
        with post(stream=True, n=4):
            time.sleep(0.2)
            assert metric("kamado_sequences_waiting") == 4
        deadline = time.monotonic() + 1
        while metric("kamado_sequences_waiting"):
            assert time.monotonic() < deadline
    idle()


def test_a_connection_cut_in_mid_body_is_nothing(server, ask):
    for data in (b"", b"POST", b"POST /v1/completions HTTP/1.1\r\nContent-Length: 99\r\n\r\n{"):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(data)
    assert ask(max_tokens=1).choices


def test_a_connection_can_be_used_again_after_a_rest(server):
    with closing(HTTPConnection("127.0.0.1", server.port)) as connection:
        for rest_s in (6, 0):
            connection.request("GET", "/v1/models")
            assert connection.getresponse().read()
            time.sleep(rest_s)


def test_metrics_are_wellformed_and_their_labels_few(server, ask):
    for name in range(20):
        httpx.get(f"{server.url}/scan/{name}")
    ask(max_tokens=4)
    families = list(text_string_to_metric_families(httpx.get(f"{server.url}/metrics").text))
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    assert {"kamado_requests", "kamado_batch_sequences", "kamado_preemptions"} <= set(names)
    labels = {value for family in families for s in family.samples for value in s.labels.values()}
    assert not any("scan" in value for value in labels)


def test_no_prompt_is_in_the_log(server, ask):
    ask("my canary sings", max_tokens=2)
    with pytest.raises(openai.BadRequestError):
        ask("my canary sings", temperature=9)
    deadline = time.monotonic() + 5  # the line is written after the answer
    while "POST /v1/chat/completions 400" not in server.log:
        assert time.monotonic() < deadline, server.log
        time.sleep(0.01)
    assert "canary" not in server.log
