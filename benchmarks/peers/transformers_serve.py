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
from pathlib import Path
from typing import Any


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
    def ready_path(self) -> str:
        return "/health"

    def command(self, model: Path, port: int) -> Sequence[str]:
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

    def model_name(self, model: Path) -> str:
        return str(model)

    def exactly(self, num_tokens: int) -> Mapping[str, Any]:
        config = {"max_new_tokens": num_tokens, "eos_token_id": -1, "do_sample": False}
        return {"max_tokens": num_tokens, "generation_config": json.dumps(config)}
