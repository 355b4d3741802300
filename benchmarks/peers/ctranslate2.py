"""CTranslate2, with a model from its own converter."""

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
from benchmarks.peers.peer import Client, Weights

ENVIRONMENT = Environment(
    "ctranslate2",
    ("ctranslate2==4.8.5", "torch==2.13.0", "transformers==4.57.3", *SERVER_REQUIREMENTS),
)


@dataclass(frozen=True, slots=True)
class CTranslate2:
    """Its 4-bit weights need a GPU."""

    @property
    def name(self) -> str:
        return "CTranslate2 int8"

    @property
    def weights(self) -> Weights:
        return "int8"

    @property
    def remark(self) -> str:
        return (
            f"{ENVIRONMENT.requirements[0]}, compute type int8: activations are quantised per row; "
            "all who wait form the next batch; min_length."
        )

    @property
    def ready_path(self) -> str:
        return "/health"

    def prepare(self, model: Path) -> None:
        ENVIRONMENT.install()
        self._folder(model)

    def command(self, model: Path, port: int, num_threads: int) -> Sequence[str]:
        server = "ctranslate2_server"
        return server_command(ENVIRONMENT, server, self._folder(model), model, port, num_threads)

    def environment(self) -> Mapping[str, str]:
        return server_environment()

    def client(self, http: httpx.AsyncClient, model: Path, num_tokens: int) -> Client:
        return server_client(http, num_tokens)

    def _folder(self, model: Path) -> Path:
        def convert(folder: Path) -> None:
            command = [ENVIRONMENT.program("ct2-transformers-converter"), "--model", str(model)]
            command += ["--output_dir", str(folder), "--quantization", "int8"]
            run_logged(command, "ctranslate2-convert")

        return converted(model, "ctranslate2-int8", convert)
