"""This repository's service, as `bentoml serve` runs it."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Kamado:
    quantization: str = "none"
    """none: the weights as they are, like its peers."""

    @property
    def name(self) -> str:
        return "Kamado" if self.quantization == "none" else f"Kamado {self.quantization}"

    @property
    def ready_path(self) -> str:
        return "/readyz"

    def command(self, model: Path, port: int) -> Sequence[str]:
        bentoml = [sys.executable, "-m", "bentoml", "serve", str(ROOT)]
        settings = {
            "model": str(model),
            "served_model_name": self.model_name(model),
            "quantization": self.quantization,
        }
        arguments = [part for item in settings.items() for part in ("--arg", "=".join(item))]
        return [*bentoml, "--host", "127.0.0.1", "--port", str(port), *arguments]

    def environment(self) -> Mapping[str, str]:
        return {"BENTOML_DO_NOT_TRACK": "true"}

    def model_name(self, model: Path) -> str:
        return "measured"

    def exactly(self, num_tokens: int) -> Mapping[str, Any]:
        return {"max_tokens": num_tokens, "ignore_eos": True, "temperature": 0}
