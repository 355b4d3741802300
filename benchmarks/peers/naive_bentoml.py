"""Forty lines of BentoML with `batchable=True` around transformers: what one would write first."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.batch_client import BatchClient
from benchmarks.peers.peer import Client, Weights

FOLDER = Path(__file__).parent / "servers"


@dataclass(frozen=True, slots=True)
class NaiveBentoML:
    num_tokens: int = 64
    """Of every answer; said when it starts, because every prompt of a batch gets the same."""

    @property
    def name(self) -> str:
        return "BentoML, 40 naive lines"

    @property
    def weights(self) -> Weights:
        return "16 bits or more"

    @property
    def remark(self) -> str:
        return (
            "`batchable=True` with up to 32 prompts around transformers' generate, the weights as "
            "they are; it does not stream, so its first token comes with its last; min_new_tokens."
        )

    @property
    def ready_path(self) -> str:
        return "/readyz"

    def prepare(self, model: Path) -> None:
        """It runs in our own environment."""

    def command(self, model: Path, port: int, num_threads: int) -> Sequence[str]:
        settings = {"model": model, "threads": num_threads, "num_tokens": self.num_tokens}
        arguments = [part for item in settings.items() for part in ("--arg", "{}={}".format(*item))]
        return [
            *(sys.executable, "-m", "bentoml", "serve", "naive_service:Naive"),
            *("--working-dir", str(FOLDER), "--host", "127.0.0.1", "--port", str(port)),
            *arguments,
        ]

    def environment(self) -> Mapping[str, str]:
        return {"BENTOML_DO_NOT_TRACK": "true", "HF_HUB_OFFLINE": "1"}

    def client(self, http: httpx.AsyncClient, model: Path, num_tokens: int) -> Client:
        return BatchClient(http, "/generate")
