"""What one forward pass works on: the new tokens of several sequences, packed without padding.

Built by the engine for every step and passed as an argument, never kept in a global. Knows nothing
of requests, sampling or text; `models/layers/attention.py` and the decoders read it.
"""

from dataclasses import dataclass

import torch

LayerCache = tuple[torch.Tensor, torch.Tensor]
"""One layer's keys and values, each [num_blocks, block_size, num_kv_heads, stored_dim]: head_dim,
and in an int8 cache the bytes of a scale."""


@dataclass(frozen=True, slots=True)
class ForwardBatch:
    """A packed, ragged batch. Sequence i owns rows query_starts[i] : query_starts[i + 1].

    Its rows are the tokens at positions context_lens[i] - num_rows ... context_lens[i] - 1, and
    they attend to the context_lens[i] tokens that its block table holds once this step's own keys
    and values are written.
    """

    input_ids: torch.Tensor
    """[num_tokens] int64."""
    positions: torch.Tensor
    """[num_tokens] int64: each token's place in its own sequence."""
    slot_mapping: torch.Tensor
    """[num_tokens] int64: where its key and value go, block * block_size + offset."""
    block_tables: torch.Tensor
    """[num_seqs, max_blocks] int32: the blocks of each sequence in order, padded with 0."""
    query_starts: tuple[int, ...]
    """num_seqs + 1 row offsets; the last is num_tokens."""
    context_lens: tuple[int, ...]
    """Per sequence, tokens in the cache after this step's write."""
    hidden_rows: torch.Tensor | None = None
    """[num_rows] int64, rising: the rows whose final hidden states are wanted; None: all."""

    @property
    def num_seqs(self) -> int:
        return len(self.context_lens)

    @property
    def num_tokens(self) -> int:
        return self.query_starts[-1]

    @property
    def longest_context(self) -> int:
        return max(self.context_lens)

    @property
    def query_lens(self) -> tuple[int, ...]:
        starts = self.query_starts
        return tuple(starts[i + 1] - starts[i] for i in range(self.num_seqs))
