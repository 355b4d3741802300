"""A weight in the layout that the CPU kernels read, and the product with it.

Channels come in panels of PANEL. Within a panel, 32-bit words of one or more consecutive inputs of
a channel lie side by side for all channels, so that a vector register holds the same inputs of
many channels. The stored numbers are unchanged: packing loses nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import torch
from torch.nn import functional as F

PANEL = 32


class WeightFormat(IntEnum):
    """In the order of `kernels.h`."""

    FLOAT32 = 0
    BFLOAT16 = 1
    INT8 = 2
    INT4 = 3


INPUTS_PER_WORD = {
    WeightFormat.FLOAT32: 1,
    WeightFormat.BFLOAT16: 2,
    WeightFormat.INT8: 4,
    WeightFormat.INT4: 8,
}


@dataclass(frozen=True, slots=True)
class PackedWeight:
    format: WeightFormat
    words: torch.Tensor
    """[num_panels, in_features / inputs per word, PANEL] int32."""
    scale: torch.Tensor | None
    """int8: [num_panels, PANEL]; int4: [num_panels, num_groups, PANEL]; fp32."""
    shift: torch.Tensor | None
    """int4: as scale; a weight is q * scale + shift, q from -8 to 7."""


def pack_float(weight: torch.Tensor) -> PackedWeight:
    """weight [out_features, in_features] fp32 or bf16."""
    if weight.dtype == torch.float32:
        return PackedWeight(WeightFormat.FLOAT32, _words(weight), None, None)
    return PackedWeight(WeightFormat.BFLOAT16, _words(weight), None, None)


def pack_int8(data: torch.Tensor, scale: torch.Tensor) -> PackedWeight:
    """data [out_features, in_features] int8, scale [out_features] fp32."""
    padded = F.pad(scale, (0, -len(scale) % PANEL))
    return PackedWeight(WeightFormat.INT8, _words(data), padded.view(-1, PANEL).contiguous(), None)


def pack_int4(data: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor) -> PackedWeight:
    """data [out_features, in_features] int8 from -8 to 7; scale, shift [out_features, num_groups]
    fp32; a weight is data * scale + shift."""
    out_features, in_features = data.shape
    nibbles = (data.view(out_features, in_features // 8, 2, 4) & 15).to(torch.uint8)
    pairs = nibbles[:, :, 0] | nibbles[:, :, 1] << 4
    return PackedWeight(
        WeightFormat.INT4,
        _words(pairs.view(out_features, in_features // 2)),
        _grouped(scale),
        _grouped(shift),
    )


def _grouped(values: torch.Tensor) -> torch.Tensor:
    """[out_features, num_groups] -> [num_panels, num_groups, PANEL]."""
    padded = F.pad(values, (0, 0, 0, -len(values) % PANEL))
    return padded.view(-1, PANEL, values.shape[1]).transpose(1, 2).contiguous()


def _words(rows: torch.Tensor) -> torch.Tensor:
    """rows [out_features, n] of whole 32-bit words -> [num_panels, num_words, PANEL] int32."""
    padded = F.pad(rows, (0, 0, 0, -len(rows) % PANEL)).contiguous()
    return (
        padded.view(torch.int32).view(len(padded) // PANEL, PANEL, -1).transpose(1, 2).contiguous()
    )
