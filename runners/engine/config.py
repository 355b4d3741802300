"""How much the engine takes on at once. Composed by the service; each component receives only its
slice."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it imports torch, which the supervisor, who reads this too, does without
    from models.architectures.cache_precision import CachePrecision


@dataclass(frozen=True, slots=True)
class SchedulerConfig:
    """The limits of one step."""

    max_num_seqs: int = 64
    """Sequences that hold cache blocks at once."""
    max_batch_tokens: int = 512
    """Tokens of one step, prompts and outputs together."""
    max_prefill_tokens_while_decoding: int | None = None
    """Prompt tokens of a step in which someone else waits for their next token: it bounds that
    wait. None: as the StepPlan has measured."""

    def __post_init__(self) -> None:
        if self.max_num_seqs < 1:
            raise ValueError(f"max_num_seqs is {self.max_num_seqs}; it must be at least 1.")
        if self.max_batch_tokens < self.max_num_seqs:
            raise ValueError(
                f"max_batch_tokens is {self.max_batch_tokens}; it must be at least max_num_seqs "
                f"({self.max_num_seqs}), so that every running sequence can take its next token."
            )
        tokens = self.max_prefill_tokens_while_decoding
        if tokens is not None and tokens < 1:
            raise ValueError(
                f"max_prefill_tokens_while_decoding is {tokens}; it must be at least 1, or prompts "
                "would starve."
            )


@dataclass(frozen=True, slots=True)
class CacheConfig:
    """The paged cache."""

    block_size: int = 16
    """Tokens per block, the unit of allocation and of prefix reuse."""
    prefix_caching: bool = True
    memory_bytes: int | None = None
    """Bytes for keys and values; None: computed from what the machine has free."""
    precision: "CachePrecision" = "auto"
    """int8 takes a quarter of fp32's bytes per token, float8 half of bf16's, at the price of
    rounding."""

    def __post_init__(self) -> None:
        if self.block_size < 1:
            raise ValueError(f"block_size is {self.block_size}; it must be at least 1.")
