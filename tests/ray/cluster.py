"""A cluster of processes on this machine, begun by our own commands, and what can be seen of it
from outside: its processes, what they listen on, its log, and the application over HTTP."""

import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import httpx
import psutil

PROJECT = Path(__file__).parents[2]
COMMAND_TIMEOUT_S = 100
REPLICA = "ray::ServeReplica:default:Replica"
INGRESS = "ray::ServeReplica:default:Ingress"
LINE_ACTOR = "ray::MapWorker(MapBatches(LineActor))"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster:
    """All that it starts has its folder in the environment, and is found by it."""

    def __init__(self, *options, ip="127.0.0.1"):
        self.folder = Path(tempfile.mkdtemp(prefix="kr-"))  # short: Ray puts sockets into it
        self.port, self.http_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.headers = {}
        """Of each request."""
        self.environment = os.environ | {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_TMPDIR": str(self.folder),
            "RAY_ADDRESS": f"127.0.0.1:{self.port}",
            "TMPDIR": str(self.folder),
            "OMP_WAIT_POLICY": "passive",
        }
        one_machine = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1" if ip else "0"}
        self.environment |= one_machine
        self._ip = [] if ip is None else [f"--ip={ip}"]
        ports = [f"--port={self.port}", f"--http-port={self.http_port}"]
        self.run("start", *ports, *self._ip, *self._size, *options)

    @property
    def _size(self):
        return ["--num-cpus=4", "--object-store-mb=100"]

    def join(self):
        self.run("join", f"127.0.0.1:{self.port}", *self._ip, *self._size)

    def deploy(self, **settings):
        settings = {"model": "pocket", "kv_memory_gb": 0.1, "replica_cpus": 1} | settings
        self.run("deploy", *(f"{name}={value}" for name, value in settings.items()))

    def run(self, *arguments):
        """One of our commands; asserts that it succeeds."""
        log = self.folder / f"{arguments[0]}.log"
        with log.open("wb") as output:  # no pipe: what it leaves running would keep it open
            command = self.popen(*arguments, stdout=output, stderr=subprocess.STDOUT)
            status = command.wait(COMMAND_TIMEOUT_S)
        assert status == 0, log.read_text()

    def popen(self, *arguments, **options):
        return subprocess.Popen(
            [sys.executable, "-m", "runners.ray", *arguments],
            cwd=PROJECT,
            env=self.environment,
            start_new_session=True,
            **options,
        )

    def processes(self, title=""):
        """Those that have our folder in their environment, and their children: some write their
        title over it."""
        everybody = list(psutil.process_iter(["pid", "ppid", "environ", "cmdline", "status"]))
        folder = str(self.folder)
        own = {
            process.pid
            for process in everybody
            if (process.info["environ"] or {}).get("RAY_TMPDIR") == folder
        }
        while more := {p.pid for p in everybody if p.info["ppid"] in own and p.pid not in own}:
            own |= more
        return [
            process
            for process in everybody
            if process.pid in own
            and title in " ".join(process.info["cmdline"] or ())
            and process.info["status"] != psutil.STATUS_ZOMBIE
        ]

    def wait_for_processes(self, title, count, timeout_s=COMMAND_TIMEOUT_S):
        deadline = time.monotonic() + timeout_s
        while len(seen := self.processes(title)) != count:
            assert time.monotonic() < deadline, f"{len(seen)} of {title}, not {count}"
            time.sleep(0.1)
        return seen

    def listening(self):
        """(address, port) of each socket that takes connections."""
        return {
            (connection.laddr.ip.removeprefix("::ffff:"), connection.laddr.port)
            for process in self.processes()
            for connection in process.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        }

    def durations_ms(self, request_id):
        """Of the ingress and of the replica, once both have logged that the request is over."""
        found = []
        for path in self.folder.glob("ray/session_*/logs/worker-*.err"):
            found += re.findall(rf" (\d+) ms {request_id}$", path.read_text(), re.MULTILINE)
        return [int(duration) for duration in found]

    def post(self, content, **fields):
        """The response to a greedy chat completion."""
        body = {"model": "pocket", "messages": [{"role": "user", "content": content}]}
        body |= {"temperature": 0, "max_tokens": 8} | fields
        url = f"{self.url}/v1/chat/completions"
        return httpx.post(url, json=body, headers=self.headers, timeout=COMMAND_TIMEOUT_S)

    def ask(self, content, **fields):
        """Its JSON."""
        answer = self.post(content, **fields)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def stop(self):
        processes = self.processes()
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=10)
        shutil.rmtree(self.folder, ignore_errors=True)
