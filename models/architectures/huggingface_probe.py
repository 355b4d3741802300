"""Finds out how a Hugging Face network attends, and proves that a paged cache does not change it.

Twelve tokens, once, at load: enough to see every layer's shapes, windows and use of positions.
"""

from collections.abc import Sequence
from typing import Any

import torch

from models.architectures.causal_lm import CacheShape
from models.architectures.huggingface_attention import (
    IMPLEMENTATION,
    STEP_ARGUMENT,
    LayerCall,
    RecordingStep,
)
from models.architectures.huggingface_decoder import HuggingFaceDecoder
from models.errors import UnsupportedModelError
from models.layers.forward_batch import ForwardBatch

_NUM_TOKENS = 12
_BLOCK_SIZE = 4
_TOLERANCE = {torch.float32: 1e-3, torch.float16: 2e-2, torch.bfloat16: 1e-1}
"""Relative to the largest logit; the two forwards round differently."""


def probed_decoder(model: Any, max_model_len: int) -> HuggingFaceDecoder:
    """Raises UnsupportedModelError where the layers ask for what a paged cache does not hold, or
    the logits come out different."""
    with torch.inference_mode():
        decoder = _decoder(model, max_model_len)
        _check_same_logits(model, decoder)
    return decoder


def refusal(config: Any, reason: str) -> UnsupportedModelError:
    return UnsupportedModelError(f"{config.model_type} models cannot be served: {reason}.")


def _decoder(model: Any, max_model_len: int) -> HuggingFaceDecoder:
    recorder = RecordingStep()
    ids = _probe_ids(model)
    hidden = model.base_model(
        input_ids=ids[None],
        position_ids=torch.arange(len(ids), device=ids.device)[None],
        use_cache=False,
        **{STEP_ARGUMENT: recorder},
    ).last_hidden_state
    calls = recorder.calls
    _check_layers(model.config, calls)
    _check_windows(model.config, calls, max_model_len)
    _check_rope(model.config, max_model_len)
    _, num_kv_heads, head_dim = calls[0].key.shape
    return HuggingFaceDecoder(
        model,
        cache_shape=CacheShape(len(calls), num_kv_heads, head_dim, hidden.dtype),
        hidden_size=hidden.shape[-1],
        max_model_len=max_model_len,
    )


def _check_layers(config: Any, calls: Sequence[LayerCall]) -> None:
    if [call.index for call in calls] != list(range(config.num_hidden_layers)):
        raise refusal(config, "not every layer attends exactly once")
    shapes = {tuple(tensor.shape[1:]) for call in calls for tensor in (call.key, call.value)}
    if len(shapes) > 1:
        raise refusal(config, f"its keys and values have several shapes, {sorted(shapes)}")


def _check_windows(config: Any, calls: Sequence[LayerCall], max_model_len: int) -> None:
    """A window hidden in the mask alone would be lost, since no mask is ever made."""
    if any(call.sliding_window is not None for call in calls):
        return
    window = getattr(config, "sliding_window", None) or max_model_len
    layer_types = getattr(config, "layer_types", None) or ["sliding_attention"]
    if not getattr(config, "use_sliding_window", True) or "sliding_attention" not in layer_types:
        return
    if window < max_model_len:
        raise refusal(config, f"its layers do not tell their sliding window of {window}")


def _check_rope(config: Any, max_model_len: int) -> None:
    """Such frequencies change for a whole batch once its longest sequence outgrows a limit."""
    parameters = getattr(config, "rope_parameters", None) or {}
    kind = parameters.get("rope_type")
    if kind not in ("dynamic", "longrope"):
        return
    limit = parameters.get("original_max_position_embeddings") or config.max_position_embeddings
    if max_model_len > limit:
        raise refusal(
            config,
            f"its {kind} frequencies change beyond {limit} tokens; set max_model_len to that",
        )


def _probe_ids(model: Any) -> torch.Tensor:
    ids: torch.Tensor = torch.arange(_NUM_TOKENS, device=model.device) % model.config.vocab_size
    return ids


def _check_same_logits(model: Any, decoder: HuggingFaceDecoder) -> None:
    """Its own forward against a chunk, a single token and a chunk, in blocks out of order."""
    ids = _probe_ids(model)
    model.set_attn_implementation("eager")
    expected = model(input_ids=ids[None], use_cache=False).logits[0].float()
    model.set_attn_implementation(IMPLEMENTATION)
    caches = _probe_caches(decoder)
    pieces = (_probe(ids, 0, 5), _probe(ids, 5, 6), _probe(ids, 6, len(ids)))
    found = torch.cat([decoder.logits(decoder.forward(piece, caches)) for piece in pieces])
    error = (found - expected).abs().max().item()
    limit = _TOLERANCE[decoder.cache_shape.dtype] * expected.abs().max().item()
    if not error <= limit:
        raise refusal(
            model.config,
            f"over a paged cache its logits differ by {error:.2g} from its own (limit {limit:.2g})",
        )


def _probe_caches(decoder: HuggingFaceDecoder) -> list[tuple[torch.Tensor, torch.Tensor]]:
    shape = decoder.cache_shape
    num_blocks = -(-_NUM_TOKENS // _BLOCK_SIZE)
    size = (2, num_blocks, _BLOCK_SIZE, shape.num_kv_heads, shape.head_dim)
    caches = [
        torch.zeros(size, dtype=shape.dtype, device=decoder.device) for _ in range(shape.num_layers)
    ]
    return [(keys, values) for keys, values in caches]


def _probe(ids: torch.Tensor, start: int, stop: int) -> ForwardBatch:
    num_blocks = -(-_NUM_TOKENS // _BLOCK_SIZE)
    table = torch.arange(num_blocks - 1, -1, -1, dtype=torch.int32, device=ids.device)
    positions = torch.arange(start, stop, device=ids.device)
    return ForwardBatch(
        input_ids=ids[start:stop],
        positions=positions,
        slot_mapping=table[positions // _BLOCK_SIZE] * _BLOCK_SIZE + positions % _BLOCK_SIZE,
        block_tables=table[None],
        query_starts=(0, stop - start),
        context_lens=(stop,),
    )
