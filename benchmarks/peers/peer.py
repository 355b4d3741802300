"""What it takes to put another server beside ours: one small class, and a line in catalogue.py."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

import httpx

from benchmarks.request_record import RequestRecord

Weights = Literal["16 bits or more", "int8", "int4"]
"""Servers are compared with those of the same."""


class PeerUnavailable(Exception):
    """It cannot be installed or started here, or cannot load the model; says why."""


class Client(Protocol):
    """Sends one prompt and times the answer."""

    async def send(self, prompt: str | list[int]) -> RequestRecord: ...


class Peer(Protocol):
    """A server over HTTP. It is described, not run: `ServerProcess` starts, pauses and stops it."""

    @property
    def name(self) -> str:
        """As the tables call it."""
        ...

    @property
    def weights(self) -> Weights: ...

    @property
    def remark(self) -> str:
        """Its version and settings, and what makes every answer as long as asked."""
        ...

    @property
    def ready_path(self) -> str:
        """Answers 200 from when requests can be sent."""
        ...

    def prepare(self, model: Path) -> None:
        """Installs the server and converts the model, once. Raises PeerUnavailable."""
        ...

    def command(self, model: Path, port: int, num_threads: int) -> Sequence[str]:
        """Serves the model in that folder on 127.0.0.1."""
        ...

    def environment(self) -> Mapping[str, str]:
        """Over our own, and over OMP_NUM_THREADS."""
        ...

    def client(self, http: httpx.AsyncClient, model: Path, num_tokens: int) -> Client:
        """Its requests make it generate exactly so many tokens, greedily, past any end of
        sequence."""
        ...
