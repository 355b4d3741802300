"""Rotary position embedding (Su et al. 2021), over all of a head's dimensions or the first few.

Pairs are (i, i + rotary_dim / 2), as Hugging Face checkpoints lay them out. Knows nothing of how
frequencies are scaled for long contexts: that is settled when the decoder is specified.
"""

import torch

SMALLEST_TABLE = 1024
"""Positions that the first table covers; later ones double."""


class Rotation:
    """One step's angles, shared by all layers that use the same frequencies."""

    __slots__ = ("_cos", "_positions", "_sin", "table")

    def __init__(self, table: torch.Tensor, positions: torch.Tensor) -> None:
        """table [num_positions, rotary_dim], all cosines, then all sines; positions [num_tokens]
        int64."""
        self.table = table
        self._positions = positions
        self._cos: torch.Tensor | None = None
        self._sin: torch.Tensor | None = None

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        """x [num_tokens, num_heads, head_dim] -> rotated, freshly allocated."""
        rotary_dim = self.table.shape[-1]
        if rotary_dim == x.shape[-1]:
            return self._rotate(x)
        return torch.cat((self._rotate(x[..., :rotary_dim]), x[..., rotary_dim:]), dim=-1)

    def _rotate(self, x: torch.Tensor) -> torch.Tensor:
        if self._cos is None or self._sin is None:
            cos, sin = self.table[self._positions][:, None].chunk(2, dim=-1)
            self._cos = torch.cat((cos, cos), dim=-1)  # [num_tokens, 1, rotary_dim]
            self._sin = torch.cat((-sin, sin), dim=-1)  # so that rotating is one multiply-add
        halves_swapped = x.roll(x.shape[-1] // 2, dims=-1)
        return (x * self._cos).addcmul_(halves_swapped, self._sin)


class Rotary:
    """Frequencies of one kind of layer; `at` turns a step's positions into angles. The cosines and
    sines of all positions so far are kept: a step looks up its own."""

    __slots__ = ("_attention_factor", "_dtype", "_inv_freq", "_table")

    def __init__(self, inv_freq: torch.Tensor, attention_factor: float, dtype: torch.dtype) -> None:
        """inv_freq [rotary_dim / 2] fp32; `attention_factor` scales both results (YaRN, §3.4)."""
        self._inv_freq = inv_freq
        self._attention_factor = attention_factor
        self._dtype = dtype
        self._table = self._angles(SMALLEST_TABLE)

    def at(self, positions: torch.Tensor, longest: int) -> Rotation:
        """positions [num_tokens] int64, all below `longest`."""
        size = len(self._table)
        if longest > size:
            self._table = self._angles(max(longest, 2 * size))
        return Rotation(self._table, positions)

    def _angles(self, num_positions: int) -> torch.Tensor:
        positions = torch.arange(num_positions, device=self._inv_freq.device)
        angles = positions[:, None].float() * self._inv_freq
        table = torch.cat((angles.cos(), angles.sin()), dim=-1) * self._attention_factor
        return table.to(self._dtype)
