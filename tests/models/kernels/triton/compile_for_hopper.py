"""Compiles every kernel to machine code for Hopper (sm_90), as the functions around them launch it
in bf16, and runs none: that takes a card, this takes the compiler alone. Prints what it compiled.

A program of its own, because a process either compiles kernels or interprets them.
"""

from collections.abc import Callable
from typing import Any

import torch
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

from models.kernels.triton.head_preparation import prepare_heads
from models.kernels.triton.paged_attention import Tiles, attend
from models.kernels.triton.rms_norm import rms_norm
from models.kernels.triton.weight_only import multiply_groups, multiply_rows

SHARED_BYTES = 227 * 1024
"""That a block of threads may have on Hopper."""


class Hopper:
    """What Triton asks of a driver before it launches."""

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", 90, 32)


def compile_only(kernel: Any, grid: tuple[int, ...]) -> Callable[..., None]:
    def launch(*arguments: Any, **options: Any) -> None:
        compiled = kernel.run(*arguments, grid=grid, warmup=True, **options)
        assert len(compiled.asm["cubin"]) > 0
        assert compiled.metadata.shared <= SHARED_BYTES, compiled.metadata.shared
        print(kernel.fn.__name__)

    return launch


def attention(
    cache_dtype: torch.dtype,
    *,
    is_decode: bool,
    head_dim: int = 128,
    window: int | None = None,
    softcap: float | None = None,
) -> None:
    num_heads, num_kv_heads, num_tokens = 32, 8, 4
    stored_dim = head_dim + (4 if cache_dtype == torch.int8 else 0)
    keys, values = torch.zeros(2, 2, 16, num_kv_heads, stored_dim, dtype=cache_dtype)
    qkv = torch.zeros(num_tokens, (num_heads + 2 * num_kv_heads) * head_dim, dtype=torch.bfloat16)
    places = torch.zeros(num_tokens, dtype=torch.int64)
    query = prepare_heads(
        qkv, keys, values, places, places,
        norm_weight=torch.ones(num_heads + num_kv_heads, head_dim), norm_eps=1e-6,
        rotation=torch.zeros(64, head_dim, dtype=torch.bfloat16),
    )  # fmt: skip
    tiles = [[row, 1, row] for row in range(num_tokens)] if is_decode else [[0, num_tokens, 0]]
    attend(
        query, keys, values, places, torch.zeros(num_tokens, 12, dtype=torch.int32),
        Tiles(torch.tensor(tiles, dtype=torch.int32), is_decode), torch.empty_like(query),
        scale=0.1, window=window, softcap=softcap,
    )  # fmt: skip


def main() -> None:
    driver.set_active(Hopper())
    JITFunction.__getitem__ = compile_only
    for cache_dtype in (torch.bfloat16, torch.int8, torch.float8_e4m3fn):
        attention(cache_dtype, is_decode=True)
        attention(cache_dtype, is_decode=False)
    attention(torch.bfloat16, is_decode=False, head_dim=256, window=1024, softcap=50.0)
    for num_rows in (1, 70):
        x = torch.zeros(num_rows, 4096, dtype=torch.bfloat16)
        rms_norm(x, torch.ones(4096), 1e-5, x)
        bias = torch.zeros(6144, dtype=torch.bfloat16)
        for dtype in (torch.int8, torch.float8_e4m3fn):
            multiply_rows(x, torch.zeros(6144, 4096, dtype=dtype), torch.ones(6144), bias)
        scales = torch.ones(6144, 32)
        multiply_groups(x, torch.zeros(6144, 2048, dtype=torch.uint8), scales, scales, bias)


if __name__ == "__main__":
    main()
