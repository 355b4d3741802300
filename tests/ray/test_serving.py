"""The application on a cluster of two nodes: streams, affinity, and replicas that come and go."""

import json
import threading
import time

import httpx
import pytest

from tests.ray.cluster import REPLICA
from tests.ray.streams import chat_stream, messages_stream

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(240)]

PATIENT = {"upscale_delay_s": 1, "downscale_delay_s": 2, "target_ongoing_requests": 2}


@pytest.fixture(scope="module")
def served(two_nodes):
    two_nodes.deploy(min_replicas=2, max_replicas=2)
    two_nodes.wait_for_processes(REPLICA, 2)
    return two_nodes


def test_whole_and_streamed_answers_are_equal(served):
    whole = served.ask("Hello! Who are you?", max_tokens=24)["choices"][0]["message"]["content"]
    assert "Kamado" in whole
    text = chat_stream(
        served, "Hello! Who are you?", max_tokens=24, temperature=0, ignore_eos=False
    ).whole()
    events = [line.removeprefix("data: ") for line in text.splitlines() if line]
    assert events.pop() == "[DONE]"
    deltas = [json.loads(event)["choices"][0]["delta"].get("content") for event in events]
    assert "".join(filter(None, deltas)) == whole


def test_replicas_answer_alike_and_refuse_alike(served):
    url = served.url
    assert httpx.get(f"{url}/v1/models").json()["data"][0]["id"] == "pocket"
    vectors = httpx.post(f"{url}/v1/embeddings", json={"model": "pocket", "input": "a"})
    assert vectors.status_code == 200
    refused = httpx.post(f"{url}/v1/completions", json={"model": "pocket", "prompt": "a", "n": 0})
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "n"
    assert httpx.get(f"{url}/v1/files").json()["error"]["code"] == "unknown_route"
    named = httpx.post(f"{url}/v1/completions", content=b"{", headers={"x-request-id": "mine"})
    assert (named.status_code, named.headers["x-request-id"]) == (400, "mine")
    huge = httpx.post(f"{url}/v1/completions", content=b" " * (5 * 2**20))
    assert huge.status_code == 413


def test_a_conversation_returns_to_where_its_beginning_is_cached(served):
    for number in range(8):
        opening = f"I have {number} red houses and {number + 3} old boats by the long river."
        first = served.ask(opening)["choices"][0]["message"]
        messages = [
            {"role": "user", "content": opening},
            {"role": "assistant", "content": first["content"]},
            {"role": "user", "content": "Say it again."},
        ]
        usage = served.ask("", messages=messages)["usage"]
        assert usage["prompt_tokens_details"]["cached_tokens"] >= 16


def test_a_session_has_a_replica_of_its_own(served):
    """Text that all share is cached only where the session went before."""
    text = "The old man by the sea has seven boats, three nets and a small grey cat. " * 3
    cached = set()
    for session in range(8):
        body = {"model": "pocket", "prompt": f"{session}{text}", "max_tokens": 1}
        usages = [
            httpx.post(
                f"{served.url}/v1/completions",
                json=body,
                headers={"x-session-id": f"s{session}"},
                timeout=60,
            ).json()["usage"]
            for _ in range(3)
        ]
        cached |= {usage["prompt_tokens_details"]["cached_tokens"] > 0 for usage in usages[1:]}
    assert cached == {True}


def duration_ms(cluster, request_id):
    """The longer of both processes' own."""
    deadline = time.monotonic() + 60
    while len(durations := cluster.durations_ms(request_id)) < 2:
        assert time.monotonic() < deadline, durations
        time.sleep(0.1)
    return max(durations)


def test_who_hangs_up_ends_the_work(served):
    url = f"{served.url}/v1/completions"
    body = {"model": "pocket", "prompt": "a", "max_tokens": 1500, "ignore_eos": True, "n": 4}
    whole = httpx.post(url, json=body, timeout=100)
    with httpx.stream("POST", url, json=body | {"stream": True}, timeout=60) as stream:
        next(stream.iter_text())
    ids = [answer.headers["x-request-id"] for answer in (whole, stream)]
    whole_ms, left_ms = (duration_ms(served, request_id) for request_id in ids)
    assert left_ms < whole_ms / 2


def test_streams_of_a_killed_replica_say_so_each_in_its_own_form(served):
    anthropics = messages_stream(served, "Count.")
    streams = [chat_stream(served, f"Count to {number}.", n=2) for number in range(4)]
    replicas = served.processes(REPLICA)
    assert len(replicas) == 2
    for replica in replicas:
        replica.kill()
    for stream in streams:
        last = stream.whole().rstrip().rsplit("\n", 1)[-1]
        error = json.loads(last.removeprefix("data: "))["error"]
        assert error["code"] == "service_unavailable"
        assert "replica" in error["message"]
    *_, name, data = anthropics.whole().rstrip().split("\n")
    assert name == "event: error"
    assert json.loads(data.removeprefix("data: "))["error"]["type"] == "overloaded_error"
    served.wait_for_processes(REPLICA, 2)  # new ones
    assert served.ask("Hello!")["choices"]


def test_a_redeployment_cuts_no_stream(served):
    served.wait_for_processes(REPLICA, 2)
    served.ask("Hello!")
    old = {process.pid for process in served.processes(REPLICA)}
    stop = threading.Event()
    texts = []

    def keep_asking(number):
        while not stop.is_set():
            texts.append(chat_stream(served, f"Count to {number}.", max_tokens=600).whole())

    askers = [threading.Thread(target=keep_asking, args=(number,)) for number in range(3)]
    for asker in askers:
        asker.start()
    try:
        served.deploy(min_replicas=2, max_replicas=2, max_ongoing_requests=32)
        deadline = time.monotonic() + 60
        while old & {process.pid for process in served.processes(REPLICA)}:
            assert time.monotonic() < deadline, "old replicas do not leave"
            time.sleep(0.2)
    finally:
        stop.set()
        for asker in askers:
            asker.join()
    assert len(texts) >= 3
    for text in texts:
        assert text.endswith("data: [DONE]\n\n")
        assert '"finish_reason":"length"' in text


def test_replicas_come_with_the_load_and_leave_with_it(two_nodes):
    two_nodes.deploy(min_replicas=1, max_replicas=3, **PATIENT)
    two_nodes.wait_for_processes(REPLICA, 1)
    stop = threading.Event()
    texts = []

    def keep_asking(number):
        while not stop.is_set():
            texts.append(chat_stream(two_nodes, f"Count to {number}.", max_tokens=300).whole())

    askers = [threading.Thread(target=keep_asking, args=(number,)) for number in range(9)]
    for asker in askers:
        asker.start()
    try:
        two_nodes.wait_for_processes(REPLICA, 3)
    finally:
        stop.set()
        for asker in askers:
            asker.join()
    two_nodes.wait_for_processes(REPLICA, 1)
    assert all(text.endswith("data: [DONE]\n\n") for text in texts)
