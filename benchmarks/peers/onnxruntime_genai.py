"""ONNX Runtime GenAI, with a model from its own builder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.cache import cache_folder
from benchmarks.peers.engine_server import (
    SERVER_REQUIREMENTS,
    server_client,
    server_command,
    server_environment,
)
from benchmarks.peers.environment import Environment, converted, run_logged
from benchmarks.peers.peer import Client, Weights

ENVIRONMENT = Environment(
    "onnxruntime-genai",
    (
        "onnxruntime-genai==0.18.0",
        "onnx-ir==1.1.0",
        "onnx==1.23.2",
        "torch==2.13.0",
        "transformers==5.5.4",
        *SERVER_REQUIREMENTS,
    ),
)


@dataclass(frozen=True, slots=True)
class ONNXRuntimeGenAI:
    precision: Weights = "int4"
    """int8 or int4."""

    @property
    def name(self) -> str:
        return f"ONNX Runtime GenAI {self.precision}"

    @property
    def weights(self) -> Weights:
        return self.precision

    @property
    def remark(self) -> str:
        return (
            f"{ENVIRONMENT.requirements[0]}, its Engine at its defaults, accuracy level 4: "
            "activations are quantised to 8 bits for each product; min_generated_tokens."
        )

    @property
    def ready_path(self) -> str:
        return "/health"

    def prepare(self, model: Path) -> None:
        ENVIRONMENT.install()
        self._folder(model)

    def command(self, model: Path, port: int, num_threads: int) -> Sequence[str]:
        server = "onnxruntime_genai_server"
        return server_command(ENVIRONMENT, server, self._folder(model), model, port, num_threads)

    def environment(self) -> Mapping[str, str]:
        return server_environment()

    def client(self, http: httpx.AsyncClient, model: Path, num_tokens: int) -> Client:
        return server_client(http, num_tokens)

    def _folder(self, model: Path) -> Path:
        def build(folder: Path) -> None:
            command = [ENVIRONMENT.python, "-m", "onnxruntime_genai.models.builder"]
            command += ["-m", "measured", "-i", str(model), "-o", str(folder)]
            command += ["-p", self.precision, "-e", "cpu", "-c", str(cache_folder("onnx-builder"))]
            command += ["--extra_options", "accuracy_level=4"]
            run_logged(command, f"onnxruntime-build-{self.precision}")

        return converted(model, f"onnxruntime-{self.precision}", build)
