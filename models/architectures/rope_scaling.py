"""Rotary frequencies of a Hugging Face config, and how long a sequence they carry.

transformers rescales "dynamic" and "longrope" frequencies while a sequence grows, which would leave
earlier keys in the cache rotated by other angles than later ones. Here they are settled once, for
`max_model_len`: identical up to the original length, consistent beyond it.
"""

from typing import Any

import torch
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from models.architectures.decoder_spec import RopeSpec
from models.errors import UnsupportedModelError

_STRETCHED_BY_FACTOR = {"linear", "dynamic"}


def rope_spec(config: Any, max_model_len: int, layer_type: str | None = None) -> RopeSpec:
    """`layer_type` selects among the parameters of a config that has several sets."""
    parameters = _parameters(config, layer_type)
    kind = parameters["rope_type"]
    if kind == "default":
        return RopeSpec(_plain_inv_freq(config, parameters), 1.0)
    if kind not in ROPE_INIT_FUNCTIONS:
        raise UnsupportedModelError(
            f"rope type {kind!r} is not known; known are default, "
            f"{', '.join(sorted(ROPE_INIT_FUNCTIONS))}."
        )
    inv_freq, attention_factor = ROPE_INIT_FUNCTIONS[kind](
        config, torch.device("cpu"), seq_len=max_model_len, layer_type=layer_type
    )
    return RopeSpec(inv_freq.float(), float(attention_factor))


def longest_context(config: Any) -> int | None:
    """The most tokens the frequencies can be stretched to; None where no length is stated."""
    if getattr(config, "max_position_embeddings", None) is None:
        return None
    trained = int(config.max_position_embeddings)
    parameters = _parameters(config, None)
    factor = float(parameters.get("factor") or 1.0)
    kind = parameters.get("rope_type")
    if kind in _STRETCHED_BY_FACTOR:
        return int(trained * factor)
    if kind == "yarn":
        original = parameters.get("original_max_position_embeddings") or trained
        return max(trained, int(original * factor))
    return trained


def _parameters(config: Any, layer_type: str | None) -> dict[str, Any]:
    parameters: dict[str, Any] = getattr(config, "rope_parameters", None) or {}
    return parameters[layer_type] if layer_type is not None else parameters


def _plain_inv_freq(config: Any, parameters: dict[str, Any]) -> torch.Tensor:
    """theta^(-2i / d) for i in 0 ... d/2 - 1 (Su et al. 2021, eq. 15)."""
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    rotary_dim = int(head_dim * parameters.get("partial_rotary_factor", 1.0))
    exponents = torch.arange(0, rotary_dim, 2, dtype=torch.float32) / rotary_dim
    theta = float(parameters["rope_theta"])
    return theta**-exponents
