"""A built bento serves from anywhere: another folder, no network, nothing written but its state."""

import errno
import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]

WITHOUT_NETWORK = textwrap.dedent("""
    import fcntl, json, signal, socket, struct, subprocess, sys, time
    import httpx

    IFF_UP, SIOCSIFFLAGS = 1, 0x8914
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
    told = {}
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    except OSError as error:
        told["network"] = error.strerror

    bento, log = sys.argv[1:]
    command = [sys.executable, "-m", "bentoml", "serve", bento, "--host", "127.0.0.1"]
    with open(log, "wb") as output:
        server = subprocess.Popen([*command, "--port", "3000"], stdout=output, stderr=output)
    http = httpx.Client(base_url="http://127.0.0.1:3000", timeout=30)
    for _ in range(600):
        assert server.poll() is None, open(log).read()
        try:
            if http.get("/readyz").is_success:
                break
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    question = {"model": "pocket", "temperature": 0, "max_tokens": 40}
    question["messages"] = [{"role": "user", "content": "Hello! Who are you?"}]
    whole = http.post("/v1/chat/completions", json=question).json()
    told["answer"] = whole["choices"][0]["message"]["content"]
    told["stream"] = ""
    with http.stream("POST", "/v1/chat/completions", json=question | {"stream": True}) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: {"):
                delta = json.loads(line.removeprefix("data: "))["choices"][0]["delta"]
                told["stream"] += delta.get("content") or ""
    files = {"file": ("in.jsonl", b"{}")}
    told["file"] = http.post("/v1/files", files=files, data={"purpose": "batch"}).status_code
    server.send_signal(signal.SIGTERM)
    told["exit"] = server.wait(30)
    print(json.dumps(told))
""")


@pytest.fixture
def isolated():
    """The command that runs another one without any network."""
    for command in (["unshare", "--net"], ["unshare", "--map-root-user", "--net"]):
        if shutil.which("unshare") and not subprocess.run([*command, "true"]).returncode:
            return command
    pytest.skip("this machine does not let us make a network namespace")


def contents(folder):
    """Of every file below it, Python's caches aside: path -> (size, time of the last change)."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_it_has_what_is_served_and_no_more(bento):
    files = contents(bento / "src")
    top = {name.partition("/")[0] for name in files}
    assert {"api", "models", "runners", "service.py"} <= top
    assert not {"tests", "benchmarks", "deploy", ".venv"} & top
    assert "models/kernels/libkamado.so" in files, "an image has no compiler"
    assert not [name for name in files if "checkpoints" in name]
    assert sum(size for size, _ in files.values()) < 40 * 2**20


def test_it_installs_what_was_tested(bento):
    lines = (bento / "env" / "python" / "requirements.txt").read_text().splitlines()
    packages = [line for line in lines if line and not line.startswith(("#", "-"))]
    assert len(packages) > 50
    assert all("==" in package for package in packages)


def test_it_serves_from_another_folder_without_a_network(bento, isolated, tmp_path):
    place = shutil.copytree(bento, tmp_path / "bento")
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    before = contents(place)
    writable = {"BENTOML_HOME": str(work / "bentoml"), "KAMADO_STATE_DIR": str(work / "state")}
    result = subprocess.run(
        [*isolated, sys.executable, "-c", WITHOUT_NETWORK, str(place), str(work / "log")],
        cwd=work,
        env=os.environ | writable | {"HOME": str(home), "KAMADO_KV_MEMORY_GB": "0.25"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout.splitlines()[-1])
    assert told.pop("network") == os.strerror(errno.ENETUNREACH)
    assert "Kamado Pocket" in told["answer"]
    assert told.pop("stream") == told.pop("answer")
    assert told == {"file": 200, "exit": 0}
    assert contents(place) == before
    assert not [path for path in home.rglob("*") if path.is_file()]
