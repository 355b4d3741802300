"""What distinguishes one Llama-shaped decoder from another, as data.

Made from a Hugging Face config by `families.py`, read by the loader and the decoder, whose forward
never asks which family it runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class RopeSpec:
    """Rotary frequencies, already scaled for the longest sequence to be served."""

    inv_freq: torch.Tensor
    """[rotary_dim / 2] fp32; rotary_dim may be less than head_dim."""
    attention_factor: float


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """What may differ from layer to layer."""

    sliding_window: int | None
    rope: str | None
    """A key of `DecoderSpec.ropes`; None leaves positions out of this layer."""


@dataclass(frozen=True, slots=True)
class LayerNames:
    """How a checkpoint calls a layer's tensors, after `model.layers.N.` and without `.weight`."""

    qkv: tuple[str, ...] = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
    """Parts of one matrix, stacked in this order; a single name is already fused."""
    attention_output: str = "self_attn.o_proj"
    gate_up: tuple[str, ...] = ("mlp.gate_proj", "mlp.up_proj")
    down: str = "mlp.down_proj"
    attention_norm: str = "input_layernorm"
    mlp_norm: str = "post_attention_layernorm"
    qk_norms: tuple[str, str] | None = None
    """Norms of each query and key head before rotation."""
    attention_post_norm: str | None = None
    """Norm of the attention's output before it joins the residual."""
    mlp_post_norm: str | None = None


@dataclass(frozen=True, slots=True)
class DecoderSpec:
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    max_model_len: int
    layers: tuple[LayerSpec, ...]
    ropes: Mapping[str, RopeSpec]
    attention_scale: float
    activation: str
    """A key of `layers.activations.ACTIVATIONS`."""
    norm_eps: float
    ties_embeddings: bool
    """The output matrix is the embedding table."""
    names: LayerNames = LayerNames()
    qkv_bias: bool = False
    attention_output_bias: bool = False
    mlp_bias: bool = False
    norm_offset: float = 0.0
    """Added to every norm weight: Gemma stores them centred on zero."""
    embedding_scale: float = 1.0
    attention_softcap: float | None = None
    logit_softcap: float | None = None
