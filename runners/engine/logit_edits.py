"""What a request asks of its logits before a token is drawn: penalties, logit_bias, min_tokens.

Everything the sequences of a step ask for is brought to the device and done together, so that the
host waits for nothing; only the ids that are concerned are touched.
"""

from collections.abc import Collection
from collections.abc import Sequence as SequenceOf

import numpy as np
import torch

from models.layers.upload import upload
from runners.engine.sequence import Sequence


class _Entries:
    """Ids of several rows, each once, and a number for each."""

    def __init__(self) -> None:
        self._places: list[np.ndarray] = []
        self._numbers: list[np.ndarray] = []

    def add(self, row: int, ids: Collection[int], numbers: np.ndarray | float) -> None:
        places = np.full((2, len(ids)), row, np.int64)
        places[1] = np.fromiter(ids, np.int64, len(ids))
        self._places.append(places)
        self._numbers.append(np.broadcast_to(np.float32(numbers), len(ids)))

    def on(self, device: torch.device) -> tuple[tuple[torch.Tensor, ...], torch.Tensor] | None:
        """Rows and ids, [n] int64 each, and [n] fp32 numbers; None where there are none."""
        if not self._places:
            return None
        places = upload(np.concatenate(self._places, axis=1), np.int64, device)
        return places.unbind(), upload(np.concatenate(self._numbers), np.float32, device)


def apply_edits(logits: torch.Tensor, sequences: SequenceOf[Sequence]) -> None:
    """logits [num_sequences, vocab_size] fp32, in place.

    The repetition penalty (Keskar et al. 2019, section 4.1) counts the prompt too; presence and
    frequency penalties count the output alone, as OpenAI defines them.
    """
    repeated, added, biased, banned = _Entries(), _Entries(), _Entries(), _Entries()
    for row, sequence in enumerate(sequences):
        params = sequence.request.params
        if params.has_penalties:
            if params.repetition_penalty != 1.0:
                repeated.add(row, set(sequence.token_ids), params.repetition_penalty)
            counts = sequence.output_counts
            if counts:
                times = np.fromiter(counts.values(), np.float32, len(counts))
                penalty = params.presence_penalty + params.frequency_penalty * times
                added.add(row, counts.keys(), -penalty)
        if params.logit_bias:
            bias = params.logit_bias
            biased.add(row, bias.keys(), np.fromiter(bias.values(), np.float32, len(bias)))
        is_early = sequence.num_output_tokens < params.min_tokens
        if is_early and sequence.stop_ids and sequence.grammar is None:  # else its mask says so
            banned.add(row, sequence.stop_ids, -np.inf)
    if entries := repeated.on(logits.device):
        places, penalties = entries
        values = logits[places]
        logits[places] = torch.where(values > 0, values / penalties, values * penalties)
    for summands in (added, biased, banned):
        if entries := summands.on(logits.device):
            places, numbers = entries
            logits[places] += numbers
