"""OpenVINO GenAI: its continuous batching pipeline, with a model exported by optimum-intel."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.peers.engine_server import (
    SERVER_REQUIREMENTS,
    server_client,
    server_command,
    server_environment,
)
from benchmarks.peers.environment import Environment, converted, run_logged
from benchmarks.peers.peer import Client, PeerUnavailable, Weights

ENVIRONMENT = Environment(
    "openvino-genai",
    (
        "openvino-genai==2026.4.1.0",
        "optimum-intel[openvino]==2.2.0",
        "torch==2.13.0",
        "transformers==5.5.4",
        *SERVER_REQUIREMENTS,
    ),
    without=("torchvision",),
)


@dataclass(frozen=True, slots=True)
class OpenVINOGenAI:
    weight_format: Weights
    """int8 or int4."""

    @property
    def name(self) -> str:
        return f"OpenVINO GenAI {self.weight_format}"

    @property
    def weights(self) -> Weights:
        return self.weight_format

    @property
    def remark(self) -> str:
        return (
            f"{ENVIRONMENT.requirements[0]}, continuous batching at its defaults, which quantise "
            "activations and cache to 8 bits and compute the rest in bf16 where the processor can; "
            "ignore_eos."
        )

    @property
    def ready_path(self) -> str:
        return "/health"

    def prepare(self, model: Path) -> None:
        ENVIRONMENT.install()
        self._folder(model)

    def command(self, model: Path, port: int, num_threads: int) -> Sequence[str]:
        server = "openvino_genai_server"
        return server_command(ENVIRONMENT, server, self._folder(model), model, port, num_threads)

    def environment(self) -> Mapping[str, str]:
        return server_environment()

    def client(self, http: httpx.AsyncClient, model: Path, num_tokens: int) -> Client:
        return server_client(http, num_tokens)

    def _folder(self, model: Path) -> Path:
        def export(folder: Path) -> None:
            command = [ENVIRONMENT.program("optimum-cli"), "export", "openvino"]
            command += ["--model", str(model), "--task", "text-generation-with-past"]
            command += ["--weight-format", self.weight_format]
            if self.weight_format == "int4":
                command += ["--group-size", str(_group_size(model))]
            command.append(str(folder))
            run_logged(command, f"openvino-export-{self.weight_format}")

        return converted(model, f"openvino-{self.weight_format}", export)


def _group_size(model: Path) -> int:
    """OpenVINO's default of 128, or the largest below it that divides every matrix's rows."""
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    sizes = config["hidden_size"], config["intermediate_size"]
    for group_size in (128, 64, 32):
        if all(size % group_size == 0 for size in sizes):
            return group_size
    raise PeerUnavailable(f"no group of 32 or more divides both {sizes[0]} and {sizes[1]}")
