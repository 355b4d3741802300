"""Compares a model's next-token distributions with its original's.

The original's logits are computed once and kept in a file, so that the two models never need the
memory at the same time, and a search compares many with the same original.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import torch

from models.architectures.causal_lm import CausalLM
from models.workshop.evaluation_text import EvaluationText
from models.workshop.figures import Closeness
from models.workshop.paged_text import PagedText
from models.workshop.progress import track

_TOKENS_PER_PASS = 512
_LOGIT_ROWS = 128
"""Rows of logits at a time: 78 MB for a vocabulary of 152,000."""


class Reference:
    """A context that deletes its file at the end."""

    def __init__(self, original: CausalLM, text: EvaluationText) -> None:
        self.text = text
        self._folder = tempfile.TemporaryDirectory(prefix="kamado-")
        self._logits = np.lib.format.open_memmap(
            Path(self._folder.name) / "logits.npy",
            mode="w+",
            dtype=np.float32,
            shape=(text.num_tokens, original.vocab_size),
        )
        row = 0
        for logits in _logits(original, text, "reading the original ..."):
            self._logits[row : row + len(logits)] = logits.numpy()
            row += len(logits)

    def closeness(self, model: CausalLM, description: str = "comparing ...") -> Closeness:
        """Over all positions that are followed by a token which counts."""
        kls, agreements, losses, original_losses = [], [], [], []
        row = 0
        following = self._following()
        for logits in _logits(model, self.text, description):
            stop = row + len(logits)
            wanted = following[row:stop]
            counts = wanted >= 0
            log_q = logits[counts].log_softmax(-1)
            log_p = torch.from_numpy(self._logits[row:stop][counts.numpy()]).log_softmax(-1)
            ids = wanted[counts, None]
            kls.append((log_p.exp() * (log_p - log_q)).sum(-1))
            agreements.append(log_p.argmax(-1) == log_q.argmax(-1))
            losses.append(-log_q.gather(1, ids))
            original_losses.append(-log_p.gather(1, ids))
            row = stop
        kl = torch.cat(kls).clamp_(min=0)
        return Closeness(
            num_positions=len(kl),
            perplexity=torch.cat(losses).mean().exp().item(),
            original_perplexity=torch.cat(original_losses).mean().exp().item(),
            mean_kl=kl.mean().item(),
            p99_kl=kl.quantile(0.99).item(),
            top1=torch.cat(agreements).float().mean().item(),
        )

    def _following(self) -> torch.Tensor:
        """[num_tokens] int64: the token that follows each in its sequence; -1 at the end and before
        tokens that do not count."""
        return torch.tensor(
            [
                token if counts else -1
                for ids, marks in zip(self.text.sequences, self.text.counted, strict=True)
                for token, counts in zip((*ids[1:], 0), (*marks[1:], False), strict=True)
            ]
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        del self._logits
        self._folder.cleanup()


def _logits(model: CausalLM, text: EvaluationText, description: str) -> Iterator[torch.Tensor]:
    """[up to _LOGIT_ROWS, vocab_size] fp32 on the CPU, for every token in order."""
    for group in track(_passes(text), description):
        hidden = PagedText(model, [len(ids) for ids in group]).extend(group)
        for rows in torch.split(hidden, _LOGIT_ROWS):
            yield model.logits(rows).cpu()


def _passes(text: EvaluationText) -> list[list[tuple[int, ...]]]:
    """Sequences in groups of about _TOKENS_PER_PASS tokens."""
    groups: list[list[tuple[int, ...]]] = [[]]
    for ids in text.sequences:
        if groups[-1] and sum(map(len, groups[-1])) + len(ids) > _TOKENS_PER_PASS:
            groups.append([])
        groups[-1].append(ids)
    return groups
