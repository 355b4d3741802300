"""What the device can do at most, measured in the same run: bytes moved and products multiplied."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch

from models.quantization.float8_product import multiplies_float8

WARM_UPS, TRIALS = 3, 10


@dataclass(frozen=True, slots=True)
class Limits:
    bytes_per_s: float
    """Of a copy, read and written bytes together."""
    flops: float
    """Of a product in bf16, two for each multiplication and addition."""
    flops_float8: float | None
    """None where the device does not multiply float8."""


def measure_limits(device: torch.device) -> Limits:
    is_gpu = device.type == "cuda"
    size = 2**31 if is_gpu else 2**24
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copy_s = median_s(lambda: target.copy_(source), device)
    n = 8192 if is_gpu else 256
    # Random numbers: zeros draw less power, and run faster than any weights.
    a, b = torch.randn(2, n, n, dtype=torch.bfloat16, device=device)
    bf16_s = median_s(lambda: a @ b, device)
    float8_s = None
    if multiplies_float8(device):
        codes_a, codes_b = (x.to(torch.float8_e4m3fn) for x in (a, b))
        ones = torch.ones(n, 1, device=device)
        float8_s = median_s(
            lambda: torch._scaled_mm(
                codes_a, codes_b.t(), scale_a=ones, scale_b=ones.t(), out_dtype=torch.bfloat16
            ),
            device,
        )
    return Limits(2 * size / copy_s, 2 * n**3 / bf16_s, float8_s and 2 * n**3 / float8_s)


def median_s(call: Callable[[], object], device: torch.device) -> float:
    """Median seconds of a call, by CUDA events on a GPU, after WARM_UPS that are not counted."""
    for _ in range(WARM_UPS):
        call()
    return median(
        _event_s(call) if device.type == "cuda" else _clock_s(call) for _ in range(TRIALS)
    )


def _event_s(call: Callable[[], object]) -> float:
    start, stop = (
        torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        for _ in range(2)
    )
    start.record()
    call()
    stop.record()
    stop.synchronize()
    return float(start.elapsed_time(stop)) / 1e3


def _clock_s(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
