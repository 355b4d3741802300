"""What every scheme's weight can do; see `int8_weight.py` and `int4_weight.py`."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, Self

import torch

from models.kernels.packed_weight import PackedWeight

_BLOCK_ELEMENTS = 1 << 20


def row_blocks(weight: torch.Tensor) -> Iterator[slice]:
    """Slices of rows that together cover `weight`, each small enough that what is computed from it
    stays in the cache, and that a large table needs no copy of itself in fp32."""
    rows = max(1, _BLOCK_ELEMENTS // weight.shape[1])
    for start in range(0, len(weight), rows):
        yield slice(start, start + rows)


class QuantizedWeight(Protocol):
    """A matrix [out_features, in_features] of few bits. Scales belong to rows, or to groups within
    a row, so rows can be moved and stacked without loss."""

    @property
    def shape(self) -> tuple[int, int]: ...

    @classmethod
    def quantize(cls, weight: torch.Tensor) -> Self:
        """weight [out_features, in_features] float."""
        ...

    @classmethod
    def stack(cls, parts: Sequence[Self]) -> Self:
        """One matrix whose rows are those of all `parts`."""
        ...

    def map_rows(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Self:
        """Apply `change`, which moves, drops or pads rows, to every tensor [out_features, ...]."""
        ...

    def dequantize(self) -> torch.Tensor:
        """[out_features, in_features] fp32."""
        ...

    def pack(self) -> PackedWeight:
        """In the CPU kernels' layout."""
        ...
