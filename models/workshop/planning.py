"""Whether a model fits this machine and how fast it will be, before any of its weights is read.

Memory is counted from the headers of the files. Speed is measured on the model's own first layers
with made-up numbers, enough of them that they do not fit the processor's caches, and carried over
to all layers: what bandwidth and arithmetic give here, through the very kernels that will run.
"""

import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
import torch

from models.architectures.checkpoint import Checkpoint
from models.architectures.decoder import Decoder
from models.architectures.decoder_spec import DecoderSpec
from models.architectures.linear_shapes import HEAD, linear_shapes
from models.architectures.loading import load_causal_lm, read_spec
from models.workshop.imaginary_checkpoint import ImaginaryCheckpoint
from models.workshop.miniature import miniature
from models.workshop.resident import resident_bytes
from models.workshop.speed import fastest_threads, prompt_durations_s, step_durations_s
from models.workshop.weights_memory import weights_in_memory

_CACHE_BYTES = 128 * 2**20
"""Layers are built until their weights take as much: no processor here holds that."""
_MAX_BATCH_TOKENS = 512
"""Of the service's default step."""
_PROMPT_TOKENS = 128
_BANDWIDTH_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be served."""

    context: int
    """Tokens of a sequence, prompt and answer together."""
    concurrency: int
    quantization: str | None = None
    """At load, of what is stored in floats."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes."""

    weights: int
    kv_cache: int
    step: int
    """Of one step's activations and logits."""
    process: int
    """Python and its libraries, as this process has them."""
    available: int

    @property
    def needed(self) -> int:
        return self.weights + self.kv_cache + self.step + self.process

    @property
    def fits(self) -> bool:
        return self.needed <= self.available


@dataclass(frozen=True, slots=True)
class Rates:
    """Of the model alone, in tokens per second."""

    prompt: float
    decode_alone: float
    decode_together: float
    """Of all sequences."""

    def deviations(self, measured: "Rates") -> dict[str, float]:
        """Of the prediction from what was measured, as shares of that."""
        found, expected = asdict(measured), asdict(self)
        return {name: expected[name] / found[name] - 1 for name in found}


@dataclass(frozen=True, slots=True)
class Plan:
    memory: Memory
    rates: Rates
    bytes_per_s: float
    """Of memory read in one stream by all threads."""

    def as_dict(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "needed": self.memory.needed,
            "fits": self.memory.fits,
        }


def plan(folder: Path, load: Load) -> Plan:
    """Raises ModelError."""
    spec = read_spec(folder)
    checkpoint = ImaginaryCheckpoint(folder)
    return Plan(
        memory=_memory(spec, checkpoint, load),
        rates=_rates(spec, checkpoint, load),
        bytes_per_s=_bytes_per_s(),
    )


def check(folder: Path, load: Load) -> tuple[Rates, int]:
    """What the real model gives: its rates, and the bytes that its weights take."""
    model = load_causal_lm(folder, quantization=load.quantization)
    assert isinstance(model, Decoder)
    with fastest_threads(model):
        rates = _rates_of(_durations(model, load), load)
    return rates, resident_bytes(folder, load.quantization)


def _memory(spec: DecoderSpec, checkpoint: Checkpoint, load: Load) -> Memory:
    per_token = 2 * len(spec.layers) * spec.num_kv_heads * spec.head_dim * 4
    widest = 3 * spec.intermediate_size + 4 * spec.hidden_size
    step = 4 * (_MAX_BATCH_TOKENS * widest + load.concurrency * spec.vocab_size)
    return Memory(
        weights=weights_in_memory(spec, checkpoint, load.quantization),
        kv_cache=load.concurrency * load.context * per_token,
        step=step,
        process=psutil.Process().memory_info().rss,
        available=psutil.virtual_memory().available,
    )


def _rates(spec: DecoderSpec, checkpoint: ImaginaryCheckpoint, load: Load) -> Rates:
    count = len(spec.layers)
    in_layers = sum(
        torch.Size(shape).numel() for name, shape in linear_shapes(spec).items() if name != HEAD
    )
    several = max(2, min(count, -(-_CACHE_BYTES * count // max(in_layers, 1))))
    small, large = (
        miniature(spec, checkpoint, load.quantization, layers) for layers in (1, several)
    )
    with fastest_threads(large):
        one, more = _durations(small, load), _durations(large, load)
    missing = count - several
    return _rates_of(
        [m + missing * (m - o) / (several - 1) for o, m in zip(one, more, strict=True)], load
    )


def _durations(model: Decoder, load: Load) -> tuple[float, float, float]:
    """Seconds of a prompt's token, of a step alone, of a step together. The shortest of several:
    differences of these are carried over to many layers, and what disturbs one only lengthens."""
    return (
        min(prompt_durations_s(model, _PROMPT_TOKENS)) / _PROMPT_TOKENS,
        min(step_durations_s(model, 1, load.context)),
        min(step_durations_s(model, load.concurrency, load.context)),
    )


def _rates_of(durations: Sequence[float], load: Load) -> Rates:
    prompt, alone, together = durations
    return Rates(1 / prompt, 1 / alone, load.concurrency / together)


def _bytes_per_s() -> float:
    """A sum over memory that no cache holds."""
    numbers = torch.ones(_BANDWIDTH_BYTES // 4)
    durations = []
    for _ in range(5):
        begun = time.perf_counter()
        numbers.sum()
        durations.append(time.perf_counter() - begun)
    return _BANDWIDTH_BYTES / statistics.median(durations)
