"""The image: built from the bento, then run as nobody special, on a read-only root, without a
network, and spoken to from within its network namespace by the project's own client.
"""

import json
import os
import re
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from deploy.container.base import ensure_base
from deploy.container.podman import environment, missing, podman

pytestmark = [pytest.mark.container, pytest.mark.timeout(1500)]

PROJECT = Path(__file__).parents[2]
IMAGE = "localhost/kamado-test:latest"
RESTRICTIONS = [
    "--network=none",
    "--read-only",
    "--read-only-tmpfs=false",
    "--tmpfs=/tmp",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
]
SETTINGS = {
    "HOME": "/tmp",
    "BENTOML_HOME": "/tmp/bentoml",
    "KAMADO_STATE_DIR": "/tmp/state",
    "KAMADO_KV_MEMORY_GB": "0.25",
}
MAX_SIZE_GB = 1.6

WAIT = textwrap.dedent("""
    import time
    import httpx

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get("http://127.0.0.1:3000/readyz").is_success:
                break
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    else:
        raise SystemExit("not ready within 60 s")
""")

CHAIN = textwrap.dedent("""
    import json, socket
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_kamado import ChatKamado

    told = {}
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    except OSError as error:
        told["network"] = error.strerror
    prompt = ChatPromptTemplate.from_messages([("human", "Hello! {question}")])
    model = ChatKamado(base_url="http://127.0.0.1:3000", temperature=0, max_tokens=40)
    chain = prompt | model | StrOutputParser()
    told["answer"] = chain.invoke({"question": "Who are you?"})
    told["pieces"] = list(chain.stream({"question": "Who are you?"}))
    print(json.dumps(told))
""")

DRAIN = textwrap.dedent("""
    import json, time
    import httpx

    http = httpx.Client(base_url="http://127.0.0.1:3000", timeout=60)
    body = {"model": "pocket", "max_tokens": 1500, "ignore_eos": True, "stream": True}
    body["messages"] = [{"role": "user", "content": "Hello!"}]
    told = {"chunks": 0, "ready": 200}
    with http.stream("POST", "/v1/chat/completions", json=body) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: {"):
                choice = json.loads(line.removeprefix("data: "))["choices"][0]
                told["finish"] = choice["finish_reason"]
                told["chunks"] += 1
                if told["chunks"] == 1:
                    print("streaming", flush=True)
                    while told["ready"] == 200:
                        told["ready"] = httpx.get(f"{http.base_url}/readyz").status_code
                        time.sleep(0.01)
            elif line.startswith("data:"):
                told["end"] = line
    print(json.dumps(told))
""")


class Container:
    """One that is ready; how long that took is start_s."""

    def __init__(self):
        started = time.monotonic()
        settings = [f"--env={name}={value}" for name, value in SETTINGS.items()]
        self.name = podman("run", "--detach", *RESTRICTIONS, *settings, IMAGE)
        self.pid = podman("inspect", "--format", "{{.State.Pid}}", self.name)
        ready = subprocess.run(self.beside(WAIT), capture_output=True, text=True)
        self.start_s = time.monotonic() - started
        log = self.log
        if ready.returncode:
            self.remove()
        assert not ready.returncode, log + ready.stderr

    @property
    def log(self):
        command = ["podman", "logs", self.name]
        result = subprocess.run(command, env=environment(), capture_output=True, text=True)
        return result.stdout + result.stderr

    def state(self, field):
        return podman("inspect", "--format", f"{{{{.State.{field}}}}}", self.name)

    def beside(self, script):
        """The command that runs Python of this machine in the container's network."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", sys.executable, "-c", script]

    def inside(self, script):
        """What a shell says as the image's own user, among its own files."""
        return podman("exec", self.name, "sh", "-c", script)

    def remove(self):
        podman("rm", "--force", "--time=0", self.name)


@pytest.fixture(scope="module")
def image(bento):
    """Built as `make container` builds it, with a base image that needs no registry."""
    if reason := missing():
        pytest.skip(reason)
    if "PIP_FIND_LINKS" not in os.environ:
        pytest.skip("PIP_FIND_LINKS names no wheels, and the index has torch with CUDA only")
    try:
        podman("run", "--rm", "--network=none", ensure_base(), "true")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"this machine cannot run containers: {error}")
    home = bento.parents[2]
    command = [sys.executable, "-m", "deploy.container", "--own-base", "--tag", IMAGE]
    build = subprocess.run(
        command,
        cwd=PROJECT,
        env=os.environ | {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"},
        capture_output=True,
        text=True,
    )
    assert build.returncode == 0, build.stdout + build.stderr
    print(build.stdout.splitlines()[-1])
    yield IMAGE
    podman("rmi", "--force", IMAGE)


@pytest.fixture(scope="module")
def container(image):
    container = Container()
    print(f"ready after {container.start_s:.1f} s")
    yield container
    container.remove()


def test_it_is_not_large(image):
    assert int(podman("image", "inspect", "--format", "{{.Size}}", image)) < MAX_SIZE_GB * 1e9


def test_it_runs_as_nobody_special_and_writes_nowhere_else(container):
    status = Path("/proc", container.pid, "status").read_text()
    assert re.search(r"^Uid:(\s+1034){4}$", status, re.MULTILINE)
    assert set(re.findall(r"^Cap\w+:\s+(\w+)$", status, re.MULTILINE)) == {"0" * 16}
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    told = container.inside("touch /app/new /home/bentoml/new 2>&1; touch /tmp/new && echo done")
    assert told.count("Read-only file system") == 2
    assert told.endswith("done")


def test_it_has_kernels_and_the_client_but_no_compiler(container):
    assert "CPU kernels for" in container.log
    dist = container.inside("ls $BENTO_PATH/src/dist").split()
    assert any(name.startswith("langchain_kamado-") for name in dist)
    assert "sbom.json" in dist
    assert not container.inside("for tool in cc gcc g++ clang git; do command -v $tool; done; true")


def test_a_chain_talks_to_it_without_a_network(container):
    chain = subprocess.run(container.beside(CHAIN), capture_output=True, text=True, cwd=PROJECT)
    assert chain.returncode == 0, chain.stderr
    told = json.loads(chain.stdout)
    assert told["network"] == "Network is unreachable"
    assert "Kamado Pocket" in told["answer"]
    assert len(told["pieces"]) > 3
    assert "".join(told["pieces"]) == told["answer"]


def test_a_stop_lets_a_stream_end(image):
    container = Container()
    try:
        command = container.beside(DRAIN)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout.readline() == "streaming\n"
            podman("stop", "--time=40", container.name)
            told = json.loads(client.stdout.readline())
        assert told.pop("chunks") > 100
        assert told == {"ready": 503, "finish": "length", "end": "data: [DONE]"}
        assert container.state("ExitCode") == "0"
    finally:
        container.remove()
