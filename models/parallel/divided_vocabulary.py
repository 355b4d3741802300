"""Embedding and output matrix whose rows, one for each token of the vocabulary, are divided among
the ranks."""

import torch
from torch.nn import functional as F

from models.layers.linear import Linear
from models.layers.norm import RMSNorm
from models.parallel.ranks import Ranks


class DividedEmbedding:
    """An Embedding of which this rank holds some rows. The sum over the ranks adds zeros to the one
    that a token has, and is exact."""

    __slots__ = ("_dtype", "_first_id", "_ranks", "_table", "device")

    def __init__(
        self, table: torch.Tensor, first_id: int, ranks: Ranks, dtype: torch.dtype
    ) -> None:
        """table [rows, hidden_size] begins with the row of `first_id`; what comes out is of
        `dtype`."""
        self._table = table
        self._first_id = first_id
        self._ranks = ranks
        self._dtype = dtype
        self.device = table.device

    def __call__(self, ids: torch.Tensor) -> torch.Tensor:
        own = ids - self._first_id
        is_foreign = (own < 0) | (own >= len(self._table))
        found = F.embedding(own.masked_fill_(is_foreign, 0), self._table).to(self._dtype)
        return self._ranks.sum(found.masked_fill_(is_foreign[:, None], 0))


class DividedHead:
    """A Linear from hidden states to logits: whole on rank 0, which samples; on the others their
    own part."""

    __slots__ = ("_linear", "_ranks", "_vocab_size")

    def __init__(self, linear: Linear, ranks: Ranks, vocab_size: int) -> None:
        """`linear` computes this rank's share of the vocabulary: equal ones in the ranks' order,
        but for what the last lacks."""
        self._linear = linear
        self._ranks = ranks
        self._vocab_size = vocab_size

    def __call__(
        self,
        x: torch.Tensor,
        *,
        norm: RMSNorm | None = None,
        residual: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """x [num_rows, hidden_size] -> [num_rows, vocab_size] on rank 0."""
        assert residual is None, "logits are added to nothing"
        own = self._linear(x, norm=norm)
        width = -(-self._vocab_size // self._ranks.size)
        parts = self._ranks.gather(F.pad(own, (0, width - own.shape[1])))
        if parts is None:
            return own
        return torch.cat(list(parts), dim=1)[:, : self._vocab_size].contiguous()
