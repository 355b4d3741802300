"""Fixed prompts and the answers that a model gave when its card was made.

Kept in probe.safetensors. Asked again at load, they tell whether a weight or scale has changed, or
the kernels of this machine disagree with those of that one. A change too small to move any of the
answers past the tolerance is not noticed; the digests notice every one.
"""

import random
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from models.architectures.causal_lm import CausalLM
from models.errors import CardError
from models.workshop.paged_text import PagedText

PROBE_FILE = "probe.safetensors"
EXACT_TOLERANCE = 3e-4
"""Where arithmetic is the same but for the order of sums, relative to the spread of the values. The
CPU kernels and torch differ by 0.6e-5 on pocket, by 1.6e-5 on random weights of Qwen2.5-0.5B."""
ROUNDED_TOLERANCE = 0.5
"""Where activations are rounded, or weights further than they are stored: 0.12 and 0.19 with int8
activations on the same two models, 0.07 with bf16 on pocket."""
_PROMPTS, _LENGTH = 2, 20
_SEED = 5


def write_probe(model: CausalLM, folder: Path) -> None:
    """Ask, and keep the answers."""
    rng = random.Random(_SEED)
    length = min(_LENGTH, model.max_model_len)
    ids = torch.tensor(
        [[rng.randrange(model.vocab_size) for _ in range(length)] for _ in range(_PROMPTS)]
    )
    hidden, logits = _answers(model, ids)
    save_file({"ids": ids, "hidden": hidden, "logits": logits}, folder / PROBE_FILE)


def check_probe(model: CausalLM, folder: Path, *, is_exact: bool) -> None:
    """Raises CardError where the answers are not those that are kept. Where activations or weights
    are rounded further than when the card was made, `is_exact` is false."""
    kept = _kept(folder)
    hidden, logits = _answers(model, kept["ids"])
    tolerance = EXACT_TOLERANCE if is_exact else ROUNDED_TOLERANCE
    for name, found in (("hidden", hidden), ("logits", logits)):
        deviation = _deviation(found, kept[name])
        if not deviation <= tolerance:  # NaN is no good answer either
            raise CardError(
                f"{folder.name} does not answer as when its card was made: its {name} differ by "
                f"{deviation:.2g} of their spread, and {tolerance:g} is allowed. A weight or scale "
                "has changed, or this machine's kernels disagree. Make or fetch the model again; "
                "probe=false serves it all the same."
            )


def _kept(folder: Path) -> dict[str, torch.Tensor]:
    """ids, hidden and logits of `write_probe`. Raises CardError."""
    try:
        kept = load_file(folder / PROBE_FILE)
        return {name: kept[name] for name in ("ids", "hidden", "logits")}
    except (OSError, SafetensorError, KeyError):
        raise CardError(
            f"{PROBE_FILE} is missing or damaged. Make or fetch the model again, or serve with "
            "probe=false."
        ) from None


def _answers(model: CausalLM, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """ids [prompts, length] -> hidden [prompts * length, hidden_size] fp32, and the logits after
    each prompt [prompts, vocab_size]."""
    prompts = ids.tolist()
    hidden = PagedText(model, [len(prompt) for prompt in prompts]).extend(prompts)
    logits = model.logits(hidden.view(len(prompts), -1, hidden.shape[-1])[:, -1])
    return hidden.float().cpu().contiguous(), logits.cpu().contiguous()


def _deviation(found: torch.Tensor, kept: torch.Tensor) -> float:
    """The largest difference, relative to the spread of what is kept."""
    if found.shape != kept.shape:
        return float("inf")
    return ((found - kept).abs().max() / kept.std().clamp_min(1e-12)).item()
