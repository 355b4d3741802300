"""Rotary position embedding (Su et al. 2021), over all of a head's dimensions or the first few.

Pairs are (i, i + rotary_dim / 2), as Hugging Face checkpoints lay them out. Knows nothing of how
frequencies are scaled for long contexts: that is settled when the decoder is specified.
"""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Rotation:
    """One step's angles, shared by all layers that use the same frequencies."""

    cos: torch.Tensor
    """[num_tokens, 1, rotary_dim]"""
    sin: torch.Tensor
    """[num_tokens, 1, rotary_dim], its first half negated so that rotating is one multiply-add."""

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        """x [num_tokens, num_heads, head_dim] -> rotated, freshly allocated."""
        rotary_dim = self.cos.shape[-1]
        if rotary_dim == x.shape[-1]:
            return self._rotate(x)
        return torch.cat((self._rotate(x[..., :rotary_dim]), x[..., rotary_dim:]), dim=-1)

    def _rotate(self, x: torch.Tensor) -> torch.Tensor:
        halves_swapped = x.roll(x.shape[-1] // 2, dims=-1)
        return (x * self.cos).addcmul_(halves_swapped, self.sin)


class Rotary:
    """Frequencies of one kind of layer; `at` turns a step's positions into angles."""

    __slots__ = ("_attention_factor", "_dtype", "_inv_freq")

    def __init__(self, inv_freq: torch.Tensor, attention_factor: float, dtype: torch.dtype) -> None:
        """inv_freq [rotary_dim / 2] fp32; `attention_factor` scales both results (YaRN, §3.4)."""
        self._inv_freq = inv_freq
        self._attention_factor = attention_factor
        self._dtype = dtype

    def at(self, positions: torch.Tensor) -> Rotation:
        """positions [num_tokens] int64."""
        angles = positions[:, None, None].float() * self._inv_freq
        cos = (angles.cos() * self._attention_factor).to(self._dtype)
        sin = (angles.sin() * self._attention_factor).to(self._dtype)
        return Rotation(torch.cat((cos, cos), dim=-1), torch.cat((-sin, sin), dim=-1))
