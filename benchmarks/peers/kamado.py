"""This repository's service, as `bentoml serve` runs it."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.completion_client import CompletionClient
from benchmarks.peers.peer import Client, Weights

MODEL_NAME = "measured"
ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Kamado:
    quantization: str = "none"
    """none: the weights as they are; int8, int4."""
    is_rounded: bool = False
    """Activations, keys and values to int8, as most servers of int8 weights round them."""

    @property
    def name(self) -> str:
        name = "Kamado" if self.quantization == "none" else f"Kamado {self.quantization}"
        return f"{name}, rounded" if self.is_rounded else name

    @property
    def weights(self) -> Weights:
        of: Mapping[str, Weights] = {"int8": "int8", "int4": "int4"}
        return of.get(self.quantization, "16 bits or more")

    @property
    def remark(self) -> str:
        settings = ", ".join(f"{name}={value}" for name, value in self._precision.items())
        return f"`bentoml serve` with {settings}; ignore_eos."

    @property
    def ready_path(self) -> str:
        return "/readyz"

    def prepare(self, model: Path) -> None:
        """It runs in our own environment, and quantises when it loads."""

    def command(self, model: Path, port: int, num_threads: int) -> Sequence[str]:
        bentoml = [sys.executable, "-m", "bentoml", "serve", str(ROOT)]
        settings = {
            "model": str(model),
            "served_model_name": MODEL_NAME,
            **self._precision,
        }
        arguments = [part for item in settings.items() for part in ("--arg", "=".join(item))]
        return [*bentoml, "--host", "127.0.0.1", "--port", str(port), *arguments]

    @property
    def _precision(self) -> Mapping[str, str]:
        rounded = {"activations": "int8", "kv_cache": "int8"} if self.is_rounded else {}
        return {"quantization": self.quantization, **rounded}

    def environment(self) -> Mapping[str, str]:
        return {"BENTOML_DO_NOT_TRACK": "true"}

    def client(self, http: httpx.AsyncClient, model: Path, num_tokens: int) -> Client:
        fields = {"max_tokens": num_tokens, "ignore_eos": True, "temperature": 0}
        return CompletionClient(http, MODEL_NAME, fields=fields)
