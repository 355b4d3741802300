"""From how many rows on it pays to unpack a weight into the cache before it is multiplied.

Measured, once per format and process, on a small weight. Both ways give the same bits.
"""

import time
from functools import cache

import torch

from models.kernels.packed_weight import (
    PackedWeight,
    WeightFormat,
    pack_float,
    pack_int4,
    pack_int8,
)

OUT_FEATURES, IN_FEATURES = 1024, 1024
GROUP = 128
CANDIDATES = (16, 32, 48, 64, 96)
"""Rows."""
TRIALS = 3


@cache
def max_direct_rows(weight_format: WeightFormat) -> int:
    """The most rows for which unpacking in registers is the faster way. Takes tens of
    milliseconds the first time."""
    weight = _weight(weight_format)
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)  # each does the same, and alone it waits for nobody
    try:
        return max((rows for rows in CANDIDATES if _is_direct_faster(weight, rows)), default=0)
    finally:
        torch.set_num_threads(num_threads)


def _is_direct_faster(weight: PackedWeight, rows: int) -> bool:
    x = torch.ones(rows, IN_FEATURES)
    return _fastest_s(x, weight, rows) <= _fastest_s(x, weight, 0)


def _weight(weight_format: WeightFormat) -> PackedWeight:
    rows = torch.ones(OUT_FEATURES, IN_FEATURES)
    if weight_format is WeightFormat.FLOAT32:
        return pack_float(rows)
    if weight_format is WeightFormat.BFLOAT16:
        return pack_float(rows.bfloat16())
    scale = torch.ones(OUT_FEATURES)
    if weight_format is WeightFormat.INT8:
        return pack_int8(rows.to(torch.int8), scale)
    groups = scale[:, None].expand(-1, IN_FEATURES // GROUP)
    return pack_int4(rows.to(torch.int8), groups, groups)


def _fastest_s(x: torch.Tensor, weight: PackedWeight, direct_rows: int) -> float:
    """Seconds of a product that takes up to `direct_rows` rows the direct way."""
    durations = []
    for _ in range(TRIALS):
        started = time.perf_counter()
        torch.ops.kamado.linear(
            x, weight.words, weight.scale, weight.shift, None, None, None, 0.0,
            weight.format, 0, OUT_FEATURES, direct_rows, False,
        )  # fmt: skip
        durations.append(time.perf_counter() - started)
    return min(durations)
