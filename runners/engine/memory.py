"""How many cache blocks fit: from the memory that is free once the weights are loaded."""

import logging
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from models.architectures.causal_lm import CacheShape
from runners.engine.config import CacheConfig

logger = logging.getLogger(__name__)

SHARE_OF_FREE_HOST_MEMORY = 0.5
"""Half: the page cache, the HTTP side and the step's own activations live beside it."""
SHARE_OF_FREE_DEVICE_MEMORY = 0.9


class OutOfMemoryBudgetError(ValueError):
    """The cache would not hold a single block."""


@dataclass(frozen=True, slots=True)
class CachePlan:
    """Why the cache has the size it has."""

    num_blocks: int
    block_size: int
    bytes_per_token: int
    budget_bytes: int
    reserved_bytes: int
    """Of the budget, for what is not cache."""
    max_model_len: int
    """The longest sequence: the model's limit, or what all blocks together hold if that is less."""

    def __str__(self) -> str:
        tokens = self.num_blocks * self.block_size
        return (
            f"KV cache: {self.num_blocks} blocks of {self.block_size} tokens = {tokens} tokens, "
            f"{tokens * self.bytes_per_token / 2**20:.0f} MiB of a budget of "
            f"{self.budget_bytes / 2**20:.0f} MiB{self._reserve}; longest sequence "
            f"{self.max_model_len} tokens"
        )

    @property
    def _reserve(self) -> str:
        if not self.reserved_bytes:
            return ""
        return f", {self.reserved_bytes / 2**20:.0f} of which are for recorded steps"


def plan_cache(
    shape: CacheShape,
    config: CacheConfig,
    *,
    max_num_seqs: int,
    max_model_len: int,
    device: torch.device,
    reserved_bytes: int = 0,
) -> CachePlan:
    """As many blocks as the budget holds beside `reserved_bytes`, but no more than max_num_seqs
    full-length sequences can use.

    Raises OutOfMemoryBudgetError when not even one block fits.
    """
    budget = config.memory_bytes if config.memory_bytes is not None else free_bytes(device)
    block_bytes = shape.bytes_per_token * config.block_size
    useful = max_num_seqs * -(-max_model_len // config.block_size)
    num_blocks = min((budget - reserved_bytes) // block_bytes, useful)
    if num_blocks < 1:
        raise OutOfMemoryBudgetError(
            f"the KV cache's budget is {budget - reserved_bytes} bytes, and one block of "
            f"{config.block_size} tokens takes {block_bytes}. Free some memory, or raise "
            "kv_memory_gb."
        )
    plan = CachePlan(
        num_blocks=num_blocks,
        block_size=config.block_size,
        bytes_per_token=shape.bytes_per_token,
        budget_bytes=budget,
        reserved_bytes=reserved_bytes,
        max_model_len=min(max_model_len, num_blocks * config.block_size),
    )
    logger.info("%s", plan)
    return plan


def free_bytes(device: torch.device) -> int:
    """The share of `device`'s free memory that the cache may take."""
    if device.type == "cuda":
        torch.cuda.empty_cache()  # what loading took and gave back
        free, _ = torch.cuda.mem_get_info(device)
        return int(free * SHARE_OF_FREE_DEVICE_MEMORY)
    free = psutil.virtual_memory().available
    limit = _cgroup_bytes("memory.max", "memory/memory.limit_in_bytes")
    used = _cgroup_bytes("memory.current", "memory/memory.usage_in_bytes")
    if limit is not None and used is not None:
        free = min(free, max(0, limit - used))
    return int(free * SHARE_OF_FREE_HOST_MEMORY)


def _cgroup_bytes(*names: str) -> int | None:
    """A container's memory figure, cgroup v2 or v1; None where there is no limit to read."""
    for name in names:
        try:
            return int((Path("/sys/fs/cgroup") / name).read_text())
        except (OSError, ValueError):  # absent, or "max"
            continue
    return None
