"""What the peers have in common that are an engine without a server: one of ours around it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from benchmarks.completion_client import CompletionClient
from benchmarks.peers.environment import Environment
from benchmarks.peers.peer import Client

ROOT = Path(__file__).parent.parent.parent
SERVER_REQUIREMENTS = (
    "starlette==1.10.0",
    "uvicorn==0.54.0",
    "uvloop==0.23.0",
    "httptools==0.9.0",
    "orjson==3.13.0",
    "tokenizers",  # as the converter's transformers wants it
)


def server_command(
    environment: Environment,
    module: str,
    converted_model: Path,
    model: Path,
    port: int,
    num_threads: int,
) -> Sequence[str]:
    """Runs benchmarks/peers/servers/`module`.py in the peer's environment."""
    return [
        *(environment.python, "-m", f"benchmarks.peers.servers.{module}"),
        *("--model", str(converted_model), "--tokenizer", str(model / "tokenizer.json")),
        *("--port", str(port), "--threads", str(num_threads)),
    ]


def server_environment() -> Mapping[str, str]:
    return {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}


def server_client(http: httpx.AsyncClient, num_tokens: int) -> Client:
    """`servers/streaming.py` always generates `max_tokens`, greedily."""
    return CompletionClient(http, "measured", fields={"max_tokens": num_tokens})
