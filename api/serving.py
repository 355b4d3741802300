"""Settings -> a runner and what belongs to it: what the service and runs without a server share.

Nothing is loaded at import or when this is made: `start` has the engine's own thread load the
model, while the event loop already answers.
"""

import gc
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from api.served_model import ServedModel
from api.settings import Settings
from models.architectures.weight_files import CARD_FILE
from models.kernels.openmp import bound_spinning
from models.store import resolve_model
from runners.embedder import Embedder
from runners.engine.config import CacheConfig, SchedulerConfig
from runners.engine.stats import StepStats
from runners.pair_scorer import PairScorer
from runners.runner import Runner

if TYPE_CHECKING:
    from models.architectures.early_digests import EarlyDigests
    from runners.engine.engine import Engine
    from runners.engine.parallel_model import ParallelModel


class Serving:
    def __init__(
        self, settings: Settings, on_step: Callable[[StepStats], None] | None = None
    ) -> None:
        self._settings = settings
        self._embedder: Embedder | None = None
        self._pair_scorer: PairScorer | None = None
        self._parallel: ParallelModel | None = None
        self.runner = Runner(self._load, max_waiting=settings.max_waiting, on_step=on_step)
        self.served = ServedModel(settings.public_name, self.runner, settings.model_alias)

    def start(self) -> None:
        self.runner.start()

    def ready_embedder(self) -> Embedder:
        """Raises UnavailableError for as long as the model loads."""
        if self.served.is_ready and self._embedder is not None:
            return self._embedder
        raise self.served.unavailable()

    def ready_pair_scorer(self) -> PairScorer:
        """Raises UnavailableError for as long as the models load."""
        if self.served.is_ready and self._pair_scorer is not None:
            return self._pair_scorer
        raise self.served.unavailable()

    def close(self) -> None:
        """Aborts what still runs."""
        if self._embedder is not None:
            self._embedder.close()
        if self._pair_scorer is not None:
            self._pair_scorer.close()
        if self.served.text is not None:
            self.served.text.close()
        self.runner.close()
        if self._parallel is not None:
            self._parallel.close()

    def _load(self) -> "Engine":
        """Runs on the engine's thread. Raises ModelError, TextError and worse."""
        bound_spinning()
        settings = self._settings
        folder = resolve_model(settings.model).folder
        early_digests = None
        if settings.digests and settings.tensor_parallel == 1 and (folder / CARD_FILE).is_file():
            from models.architectures.early_digests import EarlyDigests

            early_digests = EarlyDigests(folder)
        gc.disable()  # it would go through the libraries again and again as they grow
        try:
            return self._loaded_engine(folder, early_digests)
        finally:
            gc.enable()
            if early_digests is not None:
                early_digests.close()

    def _loaded_engine(self, folder: Path, early_digests: "EarlyDigests | None") -> "Engine":
        from runners.loading import (
            load_encoder,
            load_model,
        )  # torch: seconds, and in here alone

        gc.freeze()
        settings = self._settings
        loaded = load_model(
            folder,
            quantization=settings.scheme,
            activations=settings.activations,
            device=settings.device,
            max_model_len=settings.max_model_len,
            scheduler=SchedulerConfig(settings.max_num_seqs, settings.max_batch_tokens),
            cache=CacheConfig(
                settings.block_size,
                settings.prefix_caching,
                settings.kv_memory_bytes,
                precision=settings.kv_cache,
            ),
            digests=settings.digests,
            early_digests=early_digests,
            probe=settings.probe,
            tensor_parallel=settings.tensor_parallel,
            on_lost=self.runner.fail,
        )
        self._parallel = loaded.parallel
        self.served.text = loaded.text
        if loaded.text.grammars is not None:
            loaded.text.grammars.start()
        if loaded.card is not None:
            self.served.summary = loaded.card.summary()
        if settings.embedding_model is None:
            self._embedder = loaded.embedder(self.runner, self.served.name)
        else:
            folder = resolve_model(settings.embedding_model).folder
            self._embedder = load_encoder(folder, settings.public_embedding_name, settings.device)
        if settings.rerank_model is not None:
            self._pair_scorer = PairScorer.from_folder(
                resolve_model(settings.rerank_model).folder,
                settings.public_rerank_name,
                settings.device,
            )
        gc.collect()
        gc.freeze()  # the garbage collector need not look at libraries and weights ever again
        return loaded.engine
