import pytest
import torch

from models.architectures.causal_lm import CacheShape
from runners.engine.config import CacheConfig, SchedulerConfig
from runners.engine.memory import OutOfMemoryBudgetError, plan_cache

SHAPE = CacheShape(num_layers=2, num_kv_heads=4, head_dim=8, dtype=torch.float32)
CPU = torch.device("cpu")


def plan(memory_bytes, **sizes):
    sizes = {"max_num_seqs": 2, "max_model_len": 100} | sizes
    config = CacheConfig(block_size=16, memory_bytes=memory_bytes)
    return plan_cache(SHAPE, config, device=CPU, **sizes)


def test_budget_decides():
    block_bytes = 2 * 2 * 4 * 8 * 4 * 16
    got = plan(3 * block_bytes + 1)
    assert got.num_blocks == 3
    assert got.max_model_len == 48  # all blocks together are less than the model's own limit


def test_what_is_not_cache_is_left_out_and_told():
    got = plan_cache(
        SHAPE, CacheConfig(block_size=16, memory_bytes=3 * 2**20), device=CPU,
        max_num_seqs=2, max_model_len=10_000, reserved_bytes=2**20,
    )  # fmt: skip
    assert got.num_blocks == 2 * 2**20 // (2 * 2 * 4 * 8 * 4 * 16)
    assert "of a budget of 3 MiB, 1 of which are for recorded steps" in str(got)


def test_no_more_than_can_be_used():
    got = plan(10**9)
    assert got.num_blocks == 2 * 7
    assert got.max_model_len == 100


def test_too_little_is_refused_with_the_numbers():
    with pytest.raises(OutOfMemoryBudgetError, match="budget is 10 bytes"):
        plan(10)


def test_the_machine_is_asked_when_nobody_says(caplog):
    caplog.set_level("INFO")
    assert plan(None).num_blocks == 14
    assert "KV cache: 14 blocks of 16 tokens = 224 tokens" in caplog.text


def test_scheduler_limits_must_fit_each_other():
    with pytest.raises(ValueError, match="max_batch_tokens is 8"):
        SchedulerConfig(max_num_seqs=9, max_batch_tokens=8)
