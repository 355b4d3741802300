"""A cluster with the door locked: Ray's own commands, with what Ray leaves open by default closed.

Token authentication is on, in every process and for whoever connects. There is no dashboard and no
usage report. A cluster of one machine listens on 127.0.0.1 alone; one of several listens on all
interfaces of each, because that is what Ray does: docs/ray.md lists the ports.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]

LOOPBACK = "127.0.0.1"
ONE_MACHINE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"

OBJECT_STORE_MB = 200
"""Requests and tokens are small; what a batch's lines need beyond it, Ray spills to the disk."""

HAPROXY_HARD_STOP_S = 86_400
"""Streams of a reloaded HAProxy are cut after it. The service's own deadline comes long before."""


@dataclass(frozen=True, slots=True)
class Node:
    """What one machine gives. None: what Ray finds."""

    ip: str | None = None
    """The address that other machines reach this one at; None keeps it to itself."""
    num_cpus: int | None = None
    object_store_mb: int = OBJECT_STORE_MB


@dataclass(frozen=True, slots=True)
class Front:
    """Where clients connect."""

    host: str = LOOPBACK
    port: int = 8000
    haproxy: bool = False
    """HAProxy in front instead of Ray's proxy in Python: faster, and open on more ports."""

    @property
    def options(self) -> list[str]:
        return [f"--http-host={self.host}", f"--http-port={self.port}"]


def connection(node: Node, port: int) -> dict[str, str]:
    """The environment of whoever is to work with the cluster that `start_head` begins."""
    variables = {"RAY_AUTH_MODE": "token", "RAY_ADDRESS": f"{node.ip or LOOPBACK}:{port}"}
    # Ray turns 127.0.0.1 into the machine's own address, unless it is told, by its name for other
    # systems, that there is one machine only
    return variables if node.ip else variables | {ONE_MACHINE: "0"}


def start_head(node: Node, port: int, front: Front) -> int:
    """Until a command fails; the status of the last one."""
    environment = _environment(front) | connection(node, port)
    head = ["--head", f"--port={port}", "--include-dashboard=false"]
    return (
        _ray(environment, ["get-auth-token", "--generate"], quiet=True)
        or _ray(environment, ["start", *head, *_node_options(node)])
        or _serve(environment, ["start", "--proxy-location=HeadOnly", *front.options])
    )


def join(node: Node, head: str, front: Front) -> int:
    environment = _environment(front)
    environment.pop(ONE_MACHINE, None)
    return _ray(environment, ["start", f"--address={head}", *_node_options(node)])


def deploy(arguments: Sequence[str]) -> int:
    """Start, or replace while its answers under way are finished, and leave it running."""
    command = ["run", "--non-blocking", f"--app-dir={PROJECT}", "runners.ray:app", *arguments]
    return _serve(_environment(Front()), command)


def stop() -> int:
    """All of Ray's processes of this machine."""
    return _ray(_environment(Front()), ["stop"])


def _environment(front: Front) -> dict[str, str]:
    """Of everything that a node starts: workers have theirs from it."""
    own = {
        "RAY_AUTH_MODE": "token",
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH")))),
    }
    if front.haproxy:
        own["RAY_SERVE_ENABLE_HA_PROXY"] = "1"
        own["RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S"] = str(HAPROXY_HARD_STOP_S)
    return os.environ | own


def _node_options(node: Node) -> list[str]:
    options = [f"--node-ip-address={node.ip or LOOPBACK}", "--disable-usage-stats"]
    options.append(f"--object-store-memory={node.object_store_mb * 2**20}")
    if node.num_cpus is not None:
        options.append(f"--num-cpus={node.num_cpus}")
    return options


def _ray(environment: dict[str, str], arguments: Sequence[str], *, quiet: bool = False) -> int:
    command = [sys.executable, "-m", "ray.scripts.scripts", *arguments]
    output = subprocess.DEVNULL if quiet else None
    return subprocess.run(command, env=environment, stdout=output).returncode


def _serve(environment: dict[str, str], arguments: Sequence[str]) -> int:
    command = [sys.executable, "-m", "ray.serve.scripts", *arguments]
    return subprocess.run(command, env=environment).returncode
