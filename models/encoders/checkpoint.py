"""A Hugging Face network and its tokenizer from a folder: safetensors only, whole, and without any
code that the folder brings along."""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoTokenizer

from models.errors import CheckpointError, UnsupportedModelError


def load_network(
    auto_class: Any, folder: Path, device: torch.device, *, unused: str | None = None
) -> tuple[Any, Any]:
    """(model in fp32, tokenizer). `unused`: how the names of weights begin that may be missing.

    Raises ModelError naming the file or tensor at fault.
    """
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **local)
        model, report = auto_class.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, output_loading_info=True, **local
        )
    except (OSError, ValueError) as error:
        raise UnsupportedModelError(
            f"{folder} cannot be loaded as a safetensors encoder: {error}"
        ) from error
    except (SafetensorError, RuntimeError) as error:
        raise CheckpointError(f"the weights in {folder} are damaged: {error}") from error
    _check_weights(folder, model, report["missing_keys"], unused)
    return model.to(device).eval(), tokenizer


def max_tokens(base: Any, *limits: int | None) -> int:
    """The least of `limits` and of what the table of positions of the network `base` allows."""
    known = [limit for limit in limits if limit is not None]
    positions = getattr(base.config, "max_position_embeddings", None)
    if positions is not None:
        table = getattr(getattr(base, "embeddings", None), "position_embeddings", None)
        padding = getattr(table, "padding_idx", None)
        # RoBERTa and its kin count positions from behind the padding index
        known.append(positions if padding is None else positions - padding - 1)
    return int(min(known))


def _check_weights(folder: Path, model: Any, missing_keys: list[str], unused: str | None) -> None:
    """A weight that the file lacks would be random."""

    def is_used(name: str) -> bool:
        return unused is None or not name.startswith(unused)

    missing = sorted(filter(is_used, missing_keys))
    if missing:
        raise CheckpointError(
            f"{folder} has no weights for {missing[0]} and {len(missing) - 1} more tensors."
        )
    for name, weight in model.named_parameters():
        if is_used(name) and not bool(torch.isfinite(weight).all()):
            raise CheckpointError(f"{folder} holds {name} with values that are not finite.")
