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
    activations: str = "float32"
    """int8: rounded, as most servers of int8 weights round them."""

    @property
    def name(self) -> str:
        name = "Kamado" if self.quantization == "none" else f"Kamado {self.quantization}"
        return name if self.activations == "float32" else f"{name}, activations {self.activations}"

    @property
    def weights(self) -> Weights:
        of: Mapping[str, Weights] = {"int8": "int8", "int4": "int4"}
        return of.get(self.quantization, "16 bits or more")

    @property
    def remark(self) -> str:
        return (
            f"`bentoml serve` with quantization={self.quantization} and "
            f"activations={self.activations}; ignore_eos."
        )

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
            "quantization": self.quantization,
            "activations": self.activations,
        }
        arguments = [part for item in settings.items() for part in ("--arg", "=".join(item))]
        return [*bentoml, "--host", "127.0.0.1", "--port", str(port), *arguments]

    def environment(self) -> Mapping[str, str]:
        return {"BENTOML_DO_NOT_TRACK": "true"}

    def client(self, http: httpx.AsyncClient, model: Path, num_tokens: int) -> Client:
        fields = {"max_tokens": num_tokens, "ignore_eos": True, "temperature": 0}
        return CompletionClient(http, MODEL_NAME, fields=fields)
