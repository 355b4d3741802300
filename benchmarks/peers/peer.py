"""What it takes to put another server beside ours: one small class, and a line in compare.py's
table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol


class Peer(Protocol):
    """A server with an OpenAI-compatible /v1/completions. It is described, not run: `ServerProcess`
    starts, pauses and stops it."""

    @property
    def name(self) -> str:
        """As the tables call it."""
        ...

    @property
    def ready_path(self) -> str:
        """Answers 200 from when requests can be sent."""
        ...

    def command(self, model: Path, port: int) -> Sequence[str]:
        """Serves the model in that folder on 127.0.0.1."""
        ...

    def environment(self) -> Mapping[str, str]:
        """Over our own, and over OMP_NUM_THREADS."""
        ...

    def model_name(self, model: Path) -> str:
        """What requests must call it."""
        ...

    def exactly(self, num_tokens: int) -> Mapping[str, Any]:
        """The fields of a request that make it generate so many tokens, greedily, past any end of
        sequence."""
        ...
