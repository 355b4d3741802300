"""From a model's folder to what serves it: an engine, its tokenizer, an embedder.

Takes from seconds to minutes, so it runs on the engine's own thread. Importing this module already
takes seconds, for torch and transformers: import it where it is used, in the process that serves.
"""

import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from models.architectures.causal_lm import CausalLM
from models.architectures.early_digests import EarlyDigests
from models.architectures.loading import load_causal_lm, read_vocab_size
from models.encoders.encoder import Encoder
from models.parallel.ranks import RankLostError
from models.workshop.card import Card, read_card
from models.workshop.verification import verified_checkpoint, verify_answers
from runners.embedder import DecoderEmbedder, EncoderEmbedder
from runners.engine.config import CacheConfig, SchedulerConfig
from runners.engine.engine import Engine
from runners.engine.parallel_model import ParallelModel
from runners.model_text import ModelText
from runners.runner import Runner
from runners.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """An engine that is warm, and the text side that belongs to it."""

    engine: Engine
    text: ModelText
    hidden_size: int
    card: Card | None
    """Of a model that the workshop made."""
    parallel: ParallelModel | None = None
    """Of a model that other processes hold, too."""

    def embedder(self, runner: Runner, name: str) -> DecoderEmbedder:
        """The same model, embedding with its own hidden states."""
        limits = self.engine.limits
        return DecoderEmbedder(
            runner,
            self.text.tokenizer.encode,
            model_name=name,
            dimensions=self.hidden_size,
            max_tokens=limits.max_model_len - 1,
            vocab_size=limits.vocab_size,
        )


def load_model(
    folder: Path,
    *,
    quantization: str | None,
    activations: str,
    device: str,
    max_model_len: int | None,
    scheduler: SchedulerConfig,
    cache: CacheConfig,
    digests: bool = True,
    early_digests: EarlyDigests | None = None,
    probe: bool = True,
    tensor_parallel: int = 1,
    on_lost: Callable[[RankLostError], None] = lambda error: None,
) -> LoadedModel:
    """What a model's card says of its files and its answers is held against them, unless `digests`
    or `probe` are off; `early_digests` are those of the folder's weights. With `tensor_parallel` so
    many processes hold the model; `on_lost` is called on a thread of its own if one of the others
    ends. Raises ModelError, TextError or OutOfMemoryBudgetError."""
    card = read_card(folder)
    checkpoint = None
    if card is not None and digests:
        checkpoint = verified_checkpoint(folder, card, early_digests)
    load: Callable[..., CausalLM | ParallelModel] = load_causal_lm
    if tensor_parallel > 1:
        load = partial(ParallelModel, size=tensor_parallel, digests=digests)
    with ExitStack() as undo:
        # Seconds each for a vocabulary of 150,000: Python's work, while torch copies weights.
        with ThreadPoolExecutor(max_workers=1) as pool:
            reading_text = pool.submit(_read_text, folder, read_vocab_size(folder))
            model = load(
                folder,
                quantization=quantization,
                activations=activations,
                device=pick_device(device),
                max_model_len=max_model_len,
                checkpoint=checkpoint,
            )
        parallel = None
        if isinstance(model, ParallelModel):
            undo.callback(model.close)
            parallel, model = model, model.decoder
            cache = replace(cache, memory_bytes=parallel.cache_bytes(cache.memory_bytes))
        text = reading_text.result()
        if card is not None and probe:
            is_fp32 = quantization is None and activations == "float32"
            is_exact = is_fp32 and model.device.type == "cpu"
            verify_answers(model, folder, card, is_exact=is_exact)
        eos_token_ids = text.tokenizer.eos_token_ids
        engine = Engine(model, scheduler=scheduler, cache=cache, eos_token_ids=eos_token_ids)
        engine.tune()  # measures, so nothing else may run beside it
        if parallel is not None:
            parallel.watch(on_lost)
        undo.pop_all()
    _give_back_free_memory()
    return LoadedModel(engine, text, model.hidden_size, card, parallel)


def _read_text(folder: Path, vocab_size: int) -> ModelText:
    return ModelText.of(Tokenizer.from_folder(folder), vocab_size)


def _give_back_free_memory() -> None:
    """What loading took and freed, 100 MB for a model of 0.5 billion weights, the GNU C library
    keeps for later; other libraries give it back by themselves."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def load_encoder(folder: Path, name: str, device: str) -> EncoderEmbedder:
    """A model made for embedding. Raises ModelError."""
    return EncoderEmbedder(Encoder.from_folder(folder, torch.device(pick_device(device))), name)


def pick_device(name: str) -> str:
    """auto is CUDA where there is a device, else the CPU."""
    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"
