"""`transformers serve`, the server that Hugging Face's own library brings along.

It refuses `ignore_eos`, so an exact length is asked for through its `generation_config` field: an
end-of-sequence id of -1 is none. The first request's sampling holds for all when it batches
continuously, and prompts must be text. Left to itself, its cache takes a fixed share of the
machine's memory, whatever the model's size.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import httpx

from benchmarks.completion_client import CompletionClient
from benchmarks.peers.peer import Client, Weights


@dataclass(frozen=True, slots=True)
class TransformersServe:
    continuous_batching: bool = True
    """Off, requests are generated one after another."""
    num_blocks: int | None = None
    """Of 256 tokens in its cache; None: its own choice."""
    dtype: str = "auto"
    """auto: that of the weights."""
    num_threads: int | None = None
    """None: as many as every server gets. Kamado tries which number suits a model; this does
    not."""

    @property
    def name(self) -> str:
        words = ["transformers serve"]
        if not self.continuous_batching:
            words.append("one by one")
        if self.dtype != "auto":
            words.append(self.dtype)
        if self.num_threads is not None:
            words.append(f"{self.num_threads} thread{'s' if self.num_threads > 1 else ''}")
        if self.num_blocks is not None:
            words.append(f"{self.num_blocks} blocks")
        return " ".join(words)

    @property
    def weights(self) -> Weights:
        return "16 bits or more"

    @property
    def remark(self) -> str:
        return (
            f"transformers {version('transformers')}, dtype {self.dtype}; an end of sequence of -1 "
            "in generation_config."
        )

    @property
    def ready_path(self) -> str:
        return "/health"

    def prepare(self, model: Path) -> None:
        """It runs in our own environment."""

    def command(self, model: Path, port: int, num_threads: int) -> Sequence[str]:
        program = str(Path(sys.executable).with_name("transformers"))
        command = [program, "serve", str(model), "--host", "127.0.0.1", "--port", str(port)]
        command += ["--device", "cpu", "--dtype", self.dtype]
        if self.continuous_batching:
            command.append("--continuous-batching")
        if self.num_blocks is not None:
            command += ["--cb-num-blocks", str(self.num_blocks)]
        return command

    def environment(self) -> Mapping[str, str]:
        threads = {} if self.num_threads is None else {"OMP_NUM_THREADS": str(self.num_threads)}
        return {"HF_HUB_OFFLINE": "1", **threads}

    def client(self, http: httpx.AsyncClient, model: Path, num_tokens: int) -> Client:
        config = {"max_new_tokens": num_tokens, "eos_token_id": -1, "do_sample": False}
        fields = {"max_tokens": num_tokens, "generation_config": json.dumps(config)}
        return CompletionClient(http, str(model), fields=fields)
