"""Which Hugging Face configs the lean decoder runs, and how each becomes a DecoderSpec.

One entry per `model_type`. A family is the shared reading of a config plus what it changes.
"""

from collections.abc import Callable, Sequence
from typing import Any

from models.architectures.decoder_spec import DecoderSpec, LayerNames, LayerSpec
from models.architectures.rope_scaling import rope_spec
from models.layers.activations import ACTIVATIONS

Config = Any
"""A `transformers.PretrainedConfig`; its attributes vary by family."""


def is_family(config: Config) -> bool:
    """Whether the lean decoder runs this config."""
    if config.model_type not in FAMILIES or getattr(config, "use_bidirectional_attention", False):
        return False
    return _activation(config) in ACTIVATIONS


def decoder_spec(config: Config, max_model_len: int) -> DecoderSpec:
    """`max_model_len` settles scaled frequencies."""
    return FAMILIES[config.model_type](config, max_model_len)


def _llama(config: Config, max_model_len: int, **changes: Any) -> DecoderSpec:
    """The reading that all families share; `changes` are the spec's fields that differ."""
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    fields: dict[str, Any] = {
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "num_heads": config.num_attention_heads,
        "num_kv_heads": config.num_key_value_heads or config.num_attention_heads,
        "head_dim": head_dim,
        "max_model_len": max_model_len,
        "layers": _layers(config, [None] * config.num_hidden_layers),
        "attention_scale": head_dim**-0.5,
        "activation": _activation(config),
        "norm_eps": config.rms_norm_eps,
        "ties_embeddings": config.tie_word_embeddings,
        "qkv_bias": getattr(config, "attention_bias", False),
        "attention_output_bias": getattr(config, "attention_bias", False),
        "mlp_bias": getattr(config, "mlp_bias", False),
    }
    if "ropes" not in changes:
        fields["ropes"] = {_ROPE: rope_spec(config, max_model_len)}
    return DecoderSpec(**{**fields, **changes})


_ROPE = "all"


def _activation(config: Config) -> str:
    name: str = getattr(config, "hidden_activation", None) or config.hidden_act
    return name


def _layers(config: Config, windows: Sequence[int | None]) -> tuple[LayerSpec, ...]:
    return tuple(LayerSpec(sliding_window=window, rope=_ROPE) for window in windows)


def _typed_windows(config: Config) -> list[int | None]:
    """Sliding windows where the config marks every layer as sliding or full."""
    return [
        config.sliding_window if layer_type == "sliding_attention" else None
        for layer_type in config.layer_types
    ]


def _qwen2(config: Config, max_model_len: int) -> DecoderSpec:
    return _llama(
        config, max_model_len, layers=_layers(config, _typed_windows(config)), qkv_bias=True
    )


_QK_NORMS = ("self_attn.q_norm", "self_attn.k_norm")


def _qwen3(config: Config, max_model_len: int) -> DecoderSpec:
    return _llama(
        config,
        max_model_len,
        layers=_layers(config, _typed_windows(config)),
        names=LayerNames(qk_norms=_QK_NORMS),
    )


def _mistral(config: Config, max_model_len: int) -> DecoderSpec:
    windows = [config.sliding_window] * config.num_hidden_layers
    return _llama(config, max_model_len, layers=_layers(config, windows))


def _smollm3(config: Config, max_model_len: int) -> DecoderSpec:
    layers = tuple(
        LayerSpec(sliding_window=window, rope=_ROPE if rotates else None)
        for window, rotates in zip(_typed_windows(config), config.no_rope_layers, strict=False)
    )
    return _llama(config, max_model_len, layers=layers)


def _phi3(config: Config, max_model_len: int) -> DecoderSpec:
    return _llama(
        config,
        max_model_len,
        layers=_layers(config, [config.sliding_window] * config.num_hidden_layers),
        names=LayerNames(qkv=("self_attn.qkv_proj",), gate_up=("mlp.gate_up_proj",)),
    )


def _gemma(config: Config, max_model_len: int, **changes: Any) -> DecoderSpec:
    gemma = {"norm_offset": 1.0, "embedding_scale": config.hidden_size**0.5}
    return _llama(config, max_model_len, **{**gemma, **changes})


_SANDWICH_NORMS = LayerNames(
    attention_post_norm="post_attention_layernorm",
    mlp_norm="pre_feedforward_layernorm",
    mlp_post_norm="post_feedforward_layernorm",
)


def _gemma2(config: Config, max_model_len: int, **changes: Any) -> DecoderSpec:
    gemma2 = {
        "layers": _layers(config, _typed_windows(config)),
        "names": _SANDWICH_NORMS,
        "attention_scale": config.query_pre_attn_scalar**-0.5,
        "attention_softcap": config.attn_logit_softcapping,
        "logit_softcap": config.final_logit_softcapping,
    }
    return _gemma(config, max_model_len, **{**gemma2, **changes})


def _gemma3(config: Config, max_model_len: int) -> DecoderSpec:
    layers = tuple(
        LayerSpec(sliding_window=window, rope=layer_type)
        for window, layer_type in zip(_typed_windows(config), config.layer_types, strict=True)
    )
    ropes = {
        layer_type: rope_spec(config, max_model_len, layer_type)
        for layer_type in set(config.layer_types)
    }
    names = LayerNames(
        qk_norms=_QK_NORMS,
        attention_post_norm=_SANDWICH_NORMS.attention_post_norm,
        mlp_norm=_SANDWICH_NORMS.mlp_norm,
        mlp_post_norm=_SANDWICH_NORMS.mlp_post_norm,
    )
    return _gemma2(config, max_model_len, layers=layers, ropes=ropes, names=names)


FAMILIES: dict[str, Callable[[Config, int], DecoderSpec]] = {
    "llama": _llama,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
    "mistral": _mistral,
    "smollm3": _smollm3,
    "phi3": _phi3,
    "gemma": _gemma,
    "gemma2": _gemma2,
    "gemma3_text": _gemma3,
}
