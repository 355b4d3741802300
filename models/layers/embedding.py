"""From token ids to their rows of a table."""

from typing import Protocol

import torch

from models.layers.take_rows import take_rows


class Embedding(Protocol):
    @property
    def device(self) -> torch.device: ...

    def __call__(self, ids: torch.Tensor) -> torch.Tensor:
        """ids [num_tokens] int64 -> [num_tokens, hidden_size], in any float dtype."""
        ...


class TableEmbedding:
    """An Embedding whose whole table, [vocab_size, hidden_size], lies here."""

    __slots__ = ("_table", "device")

    def __init__(self, table: torch.Tensor) -> None:
        self._table = table
        self.device = table.device

    def __call__(self, ids: torch.Tensor) -> torch.Tensor:
        return take_rows(self._table, ids)
