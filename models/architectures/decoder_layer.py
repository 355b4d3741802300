"""One transformer block over the paged cache: attention, then a gated feed-forward network."""

from dataclasses import dataclass

import torch

from models.architectures.decoder_spec import DecoderSpec
from models.layers.activations import ACTIVATIONS
from models.layers.attention import paged_attention
from models.layers.attention_plan import AttentionPlan
from models.layers.forward_batch import LayerCache
from models.layers.linear import Linear
from models.layers.norm import RMSNorm
from models.layers.rotary import Rotation


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
    """The gate's half first."""
    down: Linear
    mlp_post_norm: RMSNorm | None

    def __call__(
        self,
        hidden: torch.Tensor,
        rotation: Rotation | None,
        plan: AttentionPlan,
        cache: LayerCache,
    ) -> torch.Tensor:
        """hidden [num_tokens, hidden_size], added to in place and returned."""
        attended = self._attend(self.attention_norm(hidden), rotation, plan, cache)
        if self.attention_post_norm is not None:
            attended = self.attention_post_norm(attended)
        hidden.add_(attended)

        gate, up = self.gate_up(self.mlp_norm(hidden)).chunk(2, dim=-1)
        transformed = self.down(ACTIVATIONS[self.spec.activation](gate).mul_(up))
        if self.mlp_post_norm is not None:
            transformed = self.mlp_post_norm(transformed)
        return hidden.add_(transformed)

    def _attend(
        self,
        x: torch.Tensor,
        rotation: Rotation | None,
        plan: AttentionPlan,
        cache: LayerCache,
    ) -> torch.Tensor:
        spec = self.spec
        heads = self.qkv(x).view(len(x), -1, spec.head_dim)
        num_rotated = spec.num_heads + spec.num_kv_heads
        query_key, value = heads[:, :num_rotated], heads[:, num_rotated:]
        if self.qk_norm is not None:
            query_key = self.qk_norm(query_key)
        if rotation is not None:
            query_key = rotation.apply(query_key)
        attended = paged_attention(
            query_key[:, : spec.num_heads],
            query_key[:, spec.num_heads :],
            value,
            cache,
            plan,
            scale=spec.attention_scale,
            sliding_window=self.sliding_window,
            softcap=spec.attention_softcap,
        )
        return self.attention_output(attended.flatten(1))
