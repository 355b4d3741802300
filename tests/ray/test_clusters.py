"""What our commands start: who may talk to it, where it listens, and HAProxy in front of it."""

import json
import subprocess
import sys
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import httpx
import pytest

from tests.ray.cluster import PROJECT, REPLICA, Cluster
from tests.ray.streams import chat_stream

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(240)]

LOOPBACK = "127.0.0.1"
CONNECT = "import ray, sys; ray.init(sys.argv[1], logging_level='ERROR'); print(len(ray.nodes()))"
CALL = """
import grpc, sys
from ray.serve.generated import serve_pb2, serve_pb2_grpc
stub = serve_pb2_grpc.ASGIServiceStub(grpc.insecure_channel(sys.argv[1]))
try:
    stub.HandleRequest(serve_pb2.ASGIRequest(), timeout=20)
except grpc.RpcError as error:
    print(error.code().name)
"""


@pytest.fixture
def start():
    clusters = []

    def start(*options, ip=None):
        clusters.append(Cluster(*options, ip=ip))
        return clusters[-1]

    yield start
    for cluster in clusters:
        cluster.stop()


def output_of(code, argument, environment):
    run = subprocess.run(
        [sys.executable, "-c", code, argument],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    return run.stdout.strip() or run.stderr.strip()


def test_one_machine_keeps_to_itself_and_to_those_who_have_the_token(start):
    cluster = start()
    assert {address for address, _ in cluster.listening()} == {LOOPBACK}
    head = f"{LOOPBACK}:{cluster.port}"
    known = cluster.environment
    assert output_of(CONNECT, head, known) == "1"
    strangers = [known | {"RAY_AUTH_TOKEN": "0" * 64}, known | {"RAY_AUTH_MODE": "disabled"}]
    with ThreadPoolExecutor() as pool:
        for told in pool.map(lambda environment: output_of(CONNECT, head, environment), strangers):
            assert f"ConnectionError: Failed to connect to Ray cluster at {head}" in told


def test_behind_haproxy_are_keys_queues_streams_and_the_word_of_a_dead_replica(start):
    cluster = start("--haproxy")
    cluster.environment["KAMADO_API_KEYS"] = "me:a-key"
    cluster.deploy(max_ongoing_requests=1, max_queued_requests=1)
    assert httpx.get(f"{cluster.url}/v1/models").status_code == 401
    cluster.headers = {"authorization": "Bearer a-key"}
    assert cluster.ask("Hello!")["choices"]
    text = chat_stream(cluster, "Hello!", max_tokens=200).whole()
    assert text.endswith("data: [DONE]\n\n")
    (replica,) = cluster.wait_for_processes(REPLICA, 1)
    own = {connection.laddr.port for connection in replica.net_connections("tcp")}
    elsewhere = {port for address, port in cluster.listening() if address != LOOPBACK}
    assert own & elsewhere, "replicas listen for ingresses of other machines"
    for port in own & elsewhere:
        called = output_of(CALL, f"{LOOPBACK}:{port}", cluster.environment)
        assert called == "UNAUTHENTICATED"
    stream = chat_stream(cluster, "Count.", n=8)  # longer than all that follows
    with ThreadPoolExecutor() as pool:
        asked = [pool.submit(cluster.post, "Hello!") for _ in range(2)]
        refused, waiting = wait(asked, return_when=FIRST_COMPLETED)
        (refusal,) = (call.result() for call in refused)
        assert (refusal.status_code, refusal.json()["error"]["code"]) == (429, "queue_full")
        assert int(refusal.headers["retry-after"]) >= 1
        replica.kill()
        last = stream.whole().rstrip().rsplit("\n", 1)[-1]
        assert json.loads(last.removeprefix("data: "))["error"]["code"] == "service_unavailable"
        (answer,) = (call.result() for call in waiting)
        assert answer.status_code == 200, "who waits is answered by the next replica"


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("modle=x", "--arg modle is no setting"),
        ("model=none", "there is no model 'none'"),
    ],
)
def test_what_cannot_be_served_is_told_before_anything_is_deployed(argument, told):
    command = [sys.executable, "-m", "runners.ray", "deploy", argument]
    run = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=100)
    assert run.returncode == 2
    assert told in run.stderr
    assert "Traceback" not in run.stderr
