"""One rank's part of a model, loaded as its setup says."""

from dataclasses import dataclass

import torch

from models.architectures.causal_lm import CausalLM
from models.architectures.checkpoint import Checkpoint
from models.architectures.loading import load_causal_lm
from models.parallel.ranks import Ranks
from models.workshop.card import read_card
from models.workshop.verification import verified_checkpoint
from runners.engine.parallel_setup import ParallelSetup


@dataclass(frozen=True, slots=True)
class ParallelPart:
    decoder: CausalLM
    """Runs once the ranks have met."""
    ranks: Ranks

    @classmethod
    def load(cls, setup: ParallelSetup, checkpoint: Checkpoint | None = None) -> "ParallelPart":
        """`checkpoint` None: the folder's. Raises ModelError."""
        card = read_card(setup.folder) if setup.digests and checkpoint is None else None
        if card is not None:
            checkpoint = verified_checkpoint(setup.folder, card)
        ranks = Ranks(setup.rank, setup.size)
        decoder = load_causal_lm(
            setup.folder,
            quantization=setup.quantization,
            activations=setup.activations,
            device=torch.device(setup.device),
            max_model_len=setup.max_model_len,
            checkpoint=checkpoint,
            ranks=ranks,
        )
        return cls(decoder, ranks)
