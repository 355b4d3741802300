"""Real servers: `bentoml serve` in a process of its own, spoken to over real sockets."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import openai
import pytest

PROJECT = Path(__file__).parents[2]
START_TIMEOUT_S = 100


class Server:
    """One `bentoml serve`, with its log in a file."""

    def __init__(self, folder, home=None, **arguments):
        """`home` is BentoML's, where its models lie; None: an empty one."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "serve.log"
        options = [f"--arg={name}={value}" for name, value in arguments.items()]
        command = [sys.executable, "-m", "bentoml", "serve", "service:Kamado"]
        own = {"BENTOML_HOME": str(home or folder), "KAMADO_STATE_DIR": str(folder / "state")}
        environment = os.environ | own | {"BENTOML_DO_NOT_TRACK": "True"}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", str(self.port), *options],
                cwd=PROJECT,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self):
        return self._log.read_text()

    def status(self, path):
        """None while nobody listens."""
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(self.url + path, timeout=5).status_code
        return None

    def body(self, path):
        """None while nobody listens."""
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(self.url + path, timeout=5).text
        return None

    def wait(self, path, status):
        self._wait_for(lambda: self.status(path), lambda seen: seen == status, path)

    def wait_for_body(self, path, text):
        """Until `text` is in what `path` answers."""
        self._wait_for(lambda: self.body(path), lambda seen: text in (seen or ""), path)

    def _wait_for(self, look, is_it, path):
        deadline = time.monotonic() + START_TIMEOUT_S
        while not is_it(seen := look()):
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, f"{path} is {seen}\n{self.log}"
            time.sleep(0.1)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(10)


@pytest.fixture(scope="session")
def start(tmp_path_factory):
    """Starts servers; whatever still runs at the end is stopped."""
    servers = []

    def start(**arguments):
        servers.append(Server(tmp_path_factory.mktemp("server"), **arguments))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def server(start):
    """The bundled model behind a queue that is easily filled."""
    server = start(max_num_seqs=8, max_waiting=8, kv_memory_gb=0.25)
    server.wait("/readyz", 200)
    return server


@pytest.fixture(scope="session")
def client(server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="-", max_retries=0) as client:
        yield client


@pytest.fixture
def ask(client):
    """A greedy chat completion, unless told otherwise."""

    def ask(content="Hello!", **options):
        options = {"temperature": 0, "max_tokens": 24} | options
        messages = [{"role": "user", "content": content}]
        return client.chat.completions.create(model="pocket", messages=messages, **options)

    return ask


@pytest.fixture
def metric(server):
    """One figure of /metrics; 0 if it is not there."""

    def read(name):
        for line in httpx.get(f"{server.url}/metrics").text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[1])
        return 0.0

    return read


@pytest.fixture
def idle(metric):
    """Asserts that everything is given back within a second."""

    def check():
        names = ("running", "waiting")
        deadline = time.monotonic() + 1
        while any(metric(f"kamado_sequences_{name}") for name in names):
            assert time.monotonic() < deadline, "sequences outlive their callers"
            time.sleep(0.01)
        assert metric("kamado_cache_blocks_in_use") == 0

    return check


@pytest.fixture
def post(server):
    """A long chat completion whose connection is the test's own to close."""

    def post(path="/v1/chat/completions", timeout_s=60, **fields):
        messages = [{"role": "user", "content": "Hello!"}]
        body = {"model": "pocket", "messages": messages, "max_tokens": 1000, "ignore_eos": True}
        content = json.dumps(body | fields)
        headers = {"content-type": "application/json"}
        return httpx.stream(
            "POST", server.url + path, content=content, headers=headers, timeout=timeout_s
        )

    return post


@pytest.fixture(scope="session")
def bento(tmp_path_factory):
    """As `make bento` builds it, into a store of its own."""
    home = tmp_path_factory.mktemp("bentoml")
    subprocess.run([sys.executable, "-m", "deploy.sbom"], cwd=PROJECT, check=True)
    subprocess.run(
        [sys.executable, "-m", "bentoml", "build", "--output", "tag"],
        cwd=PROJECT,
        env=os.environ | {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"},
        check=True,
        capture_output=True,
    )
    built = [path for path in (home / "bentos" / "kamado").iterdir() if path.is_dir()]
    assert len(built) == 1
    return built[0]
