"""A weight in the layout that the CPU kernels read.

Channels come in panels of PANEL. Within a panel, 32-bit words of one or more consecutive inputs of
a channel lie side by side for all channels, so that a vector register holds the same inputs of
many channels. The stored numbers are unchanged: packing loses nothing.
"""

from dataclasses import dataclass
from enum import IntEnum

import torch

from models.kernels.weight_arena import WeightArena

PANEL = 32
GATE_ROWS = PANEL // 2
"""A panel of a gated product holds so many gates and as many rows that they gate."""

_arena = WeightArena()


class WeightFormat(IntEnum):
    """In the order of `kernels.h`."""

    FLOAT32 = 0
    BFLOAT16 = 1
    INT8 = 2
    INT4 = 3


@dataclass(frozen=True, slots=True)
class PackedWeight:
    format: WeightFormat
    words: torch.Tensor
    """[num_panels, in_features / inputs per word, PANEL] int32."""
    scale: torch.Tensor | None = None
    """int8: [num_panels, PANEL]; int4: [num_panels, num_groups, PANEL]; fp32. Divided by the power
    of two that moves a stored integer to the top of 32 bits, where the kernels convert it."""
    shift: torch.Tensor | None = None
    """int4: as scale, added to every weight of the group."""


def pack_float(weight: torch.Tensor) -> PackedWeight:
    """weight [out_features, in_features] fp32 or bf16."""
    is_wide = weight.dtype == torch.float32
    return PackedWeight(WeightFormat.FLOAT32 if is_wide else WeightFormat.BFLOAT16, _words(weight))


def pack_int8(data: torch.Tensor, scale: torch.Tensor) -> PackedWeight:
    """data [out_features, in_features] int8, scale [out_features] fp32."""
    panels = pad_rows(scale * 2.0**-24, PANEL).view(-1, PANEL)
    return PackedWeight(WeightFormat.INT8, _words(data), panels)


def pack_int4(data: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor) -> PackedWeight:
    """data [out_features, in_features] int8 from -8 to 7; scale, shift [out_features, num_groups]
    fp32; a weight is data * scale + shift."""
    out_features, in_features = data.shape
    # Of eight inputs the first four are the low halves of four bytes.
    nibbles = (data.view(out_features, in_features // 8, 2, 4) & 15).view(torch.uint8)
    pairs = nibbles[:, :, 0] | nibbles[:, :, 1] << 4
    words = _words(pairs.view(out_features, in_features // 2))
    return PackedWeight(WeightFormat.INT4, words, _grouped(scale * 2.0**-28), _grouped(shift))


def pad_rows(rows: torch.Tensor, multiple: int) -> torch.Tensor:
    """Zeros below, up to a whole multiple; contiguous, and a copy only where one is needed."""
    missing = -len(rows) % multiple
    if not missing:
        return rows.contiguous()
    return torch.cat((rows, rows.new_zeros(missing, *rows.shape[1:])))


def _grouped(values: torch.Tensor) -> torch.Tensor:
    """[out_features, num_groups] -> [num_panels, num_groups, PANEL]."""
    panels = pad_rows(values, PANEL).view(-1, PANEL, values.shape[1])
    return panels.transpose(1, 2).contiguous()


def _words(rows: torch.Tensor) -> torch.Tensor:
    """rows [out_features, n] of whole 32-bit words -> [num_panels, num_words, PANEL] int32."""
    words = pad_rows(rows, PANEL).view(torch.int32)
    panels = words.view(-1, PANEL, words.shape[1]).transpose(1, 2)
    return _arena.take(panels.shape).copy_(panels)
