"""What the engine asks of a model, whatever network stands behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from models.kernels.operators import SCALE_BYTES
from models.layers.forward_batch import ForwardBatch, LayerCache


@dataclass(frozen=True, slots=True)
class CacheShape:
    """The paged cache one model needs: one key and one value tensor per layer."""

    num_layers: int
    num_kv_heads: int
    head_dim: int
    dtype: torch.dtype
    """int8: rounded, with a scale per token and head; else the queries' own."""

    @property
    def stored_dim(self) -> int:
        """Numbers of `dtype` that a token's key or value of one head takes."""
        return self.head_dim + (SCALE_BYTES if self.dtype == torch.int8 else 0)

    @property
    def bytes_per_token(self) -> int:
        """Keys and values of all layers for one token, in bytes."""
        return 2 * self.num_layers * self.num_kv_heads * self.stored_dim * self.dtype.itemsize


class CausalLM(Protocol):
    """A decoder over the paged cache. Stateless between calls: all state lies in `caches`."""

    vocab_size: int
    hidden_size: int
    max_model_len: int
    """The longest sequence, prompt and output together, that the network was made for."""
    cache_shape: CacheShape
    device: torch.device

    def forward(self, batch: ForwardBatch, caches: Sequence[LayerCache]) -> torch.Tensor:
        """Write the batch's keys and values into `caches`; return hidden [num_rows, hidden_size]
        after the final norm, of `batch.hidden_rows`."""
        ...

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """hidden [n, hidden_size] -> logits [n, vocab_size] fp32."""
        ...
