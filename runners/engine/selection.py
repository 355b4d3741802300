"""What sampling selects from rows of logits: the best id, the most likely few, one at random.

On a CPU by kernels that read a row where it lies, else by torch's operators. Knows nothing of
sequences.
"""

from collections.abc import Sequence

import numpy as np
import torch

from models.kernels import library
from models.layers.upload import upload

MOST_SELECTED = 1024
"""Beyond, sorting everything is faster than keeping the best in order."""


def find_best(logits: torch.Tensor) -> torch.Tensor:
    """logits [n, vocab_size] -> the lowest id that has the row's largest value, -1 where that is
    infinite or the row holds a NaN: [n] int64."""
    if _has_kernels(logits):
        best: torch.Tensor = torch.ops.kamado.argmax.default(logits)
        return best
    values, ids = logits.max(dim=-1)
    return torch.where(values.isfinite(), ids, -1)


def forbid(logits: torch.Tensor, rows: list[int], bits: np.ndarray) -> bool:
    """Make -inf, in those rows of logits [any, vocab_size], what has no bit in bits [n, bytes]
    uint8, four of them for every 32 ids and the lowest bit first. False where no kernel can."""
    if not _has_kernels(logits):
        return False
    torch.ops.kamado.mask_logits.default(logits, torch.from_numpy(bits.view(np.int32)), rows)
    return True


def draw(
    logits: torch.Tensor, rows: list[int], temperatures: Sequence[float], uniforms: torch.Tensor
) -> torch.Tensor:
    """uniforms [len(rows)] fp64 in [0, 1) -> per row the id at which the cumulative probability
    passes that share: [len(rows)] int64."""
    if _has_kernels(logits):
        ids: torch.Tensor = torch.ops.kamado.draw.default(
            logits, rows, temperatures, uniforms.tolist()
        )
        return ids
    return invert(_scale(logits, rows, temperatures).softmax(-1), uniforms)


def find_likeliest(
    logits: torch.Tensor, rows: list[int], temperatures: Sequence[float], count: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities in falling order and their ids: [len(rows), count], [len(rows), count]
    int64."""
    if count <= MOST_SELECTED and _has_kernels(logits):
        values, ids, log_sums = torch.ops.kamado.top_k.default(logits, rows, temperatures, count)
        return (values - log_sums[:, None]).exp_(), ids
    scaled = _scale(logits, rows, temperatures)
    values, ids = scaled.topk(count, dim=-1)
    return (values - scaled.logsumexp(-1, keepdim=True)).exp(), ids


def _scale(logits: torch.Tensor, rows: list[int], temperatures: Sequence[float]) -> torch.Tensor:
    """The rows' logits over their temperatures, the largest moved to 0 so that no temperature
    overflows: [len(rows), vocab_size]."""
    chosen = logits[upload(rows, np.int64, logits.device)]
    divisors = upload(temperatures, np.float32, logits.device)[:, None]
    return (chosen - chosen.amax(-1, keepdim=True)) / divisors


def invert(weights: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """weights [n, k] >= 0, uniforms [n] in [0, 1) -> the index at which the cumulative weight
    passes that share of the total: [n] int64. In fp64, for the tail of a large vocabulary."""
    cumulative = weights.double().cumsum(-1)
    targets = uniforms[:, None] * cumulative[:, -1:]
    index = torch.searchsorted(cumulative, targets, right=True).squeeze(1)
    # Rounding can carry the target to the total itself: then the last candidate of any weight is
    # meant.
    last = (weights > 0).long().mul(torch.arange(weights.shape[-1], device=weights.device)).amax(-1)
    return torch.minimum(index, last)


def _has_kernels(logits: torch.Tensor) -> bool:
    return logits.device.type == "cpu" and logits.dtype == torch.float32 and library.is_loaded()
