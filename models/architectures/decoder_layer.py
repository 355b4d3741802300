"""One transformer block over the paged cache: attention, then a gated feed-forward network."""

from dataclasses import dataclass

import torch

from models.architectures.decoder_spec import DecoderSpec
from models.layers.attention import attention
from models.layers.attention_plan import AttentionPlan
from models.layers.forward_batch import LayerCache
from models.layers.linear import Linear
from models.layers.norm import RMSNorm
from models.layers.rotary import Rotation
from models.layers.take_rows import take_rows


@dataclass(frozen=True, slots=True)
class DecoderLayer:
    """`None` stands for a part that the family does without."""

    spec: DecoderSpec
    sliding_window: int | None
    attention_norm: RMSNorm
    qkv: Linear
    """Queries of all heads, then keys, then values."""
    qk_norm: RMSNorm | None
    """Over query and key heads together, weight [num_heads + num_kv_heads, head_dim]."""
    attention_output: Linear
    attention_post_norm: RMSNorm | None
    mlp_norm: RMSNorm
    gate_up: Linear
    """activation(gate) * up, of half as many features as rows."""
    down: Linear
    mlp_post_norm: RMSNorm | None

    def __call__(
        self,
        hidden: torch.Tensor,
        rotation: Rotation | None,
        plan: AttentionPlan,
        cache: LayerCache,
        rows: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """hidden [num_tokens, hidden_size] -> [num_rows, hidden_size], freshly allocated: all of
        them, or where nobody reads the others `rows` [num_rows] int64."""
        attended = self._attend(hidden, rotation, plan, cache)
        if rows is not None:
            attended, hidden = take_rows(attended, rows), take_rows(hidden, rows)
        hidden = _add(hidden, attended, self.attention_output, self.attention_post_norm)
        gated = self.gate_up(hidden, norm=self.mlp_norm)
        return _add(hidden, gated, self.down, self.mlp_post_norm)

    def _attend(
        self,
        hidden: torch.Tensor,
        rotation: Rotation | None,
        plan: AttentionPlan,
        cache: LayerCache,
    ) -> torch.Tensor:
        """[num_tokens, num_heads * head_dim]"""
        spec = self.spec
        return attention(
            self.qkv(hidden, norm=self.attention_norm),
            cache,
            plan,
            scale=spec.attention_scale,
            sliding_window=self.sliding_window,
            softcap=spec.attention_softcap,
            qk_norm=self.qk_norm,
            rotation=rotation,
        )


def _add(
    hidden: torch.Tensor, x: torch.Tensor, linear: Linear, post_norm: RMSNorm | None
) -> torch.Tensor:
    """hidden + post_norm(linear(x))"""
    if post_norm is None:
        return linear(x, residual=hidden)
    return post_norm(linear(x), residual=hidden)
