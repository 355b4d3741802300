"""Loads a HuggingFaceDecoder, or refuses the architecture by name.

A model qualifies by evidence: over the paged cache it must give the logits of its plain forward.
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoModelForCausalLM
from transformers.pytorch_utils import Conv1D

from models.architectures.checkpoint import Checkpoint
from models.architectures.huggingface_attention import IMPLEMENTATION
from models.architectures.huggingface_decoder import HuggingFaceDecoder
from models.architectures.huggingface_probe import probed_decoder, refusal
from models.errors import CheckpointError
from models.layers.linear import Linear
from models.quantization.linear_factory import LinearFactory


def load_huggingface_decoder(
    config: Any,
    checkpoint: Checkpoint,
    linears: LinearFactory,
    *,
    dtype: torch.dtype,
    device: torch.device,
    max_model_len: int,
) -> HuggingFaceDecoder:
    """`config` has passed `check_architecture`. Raises UnsupportedModelError if the model does not
    run over the paged cache after all, CheckpointError for its files."""
    checkpoint.check_finite()
    model = _from_pretrained(config, checkpoint.folder, dtype).to(device)
    _run_by(linears, model)
    try:
        return probed_decoder(model, max_model_len)
    except (TypeError, AttributeError, KeyError, RuntimeError, ValueError) as error:
        raise refusal(config, f"its forward does not run over a paged cache ({error})") from error


def check_architecture(config: Any) -> None:
    """Refuses what is known not to work before any weight is read."""
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise refusal(config, "transformers has no causal language model of this kind")
    network = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    if network._is_stateful:
        raise refusal(config, "it keeps a recurrent state, which a paged cache cannot hold")
    if not network._supports_attention_backend:
        raise refusal(config, "it does not call attention through transformers' interface")
    unknown = set(getattr(config, "layer_types", None) or ()) - {
        "full_attention",
        "sliding_attention",
    }
    if unknown:
        raise refusal(config, f"it has layers of type {', '.join(sorted(unknown))}")


def _from_pretrained(config: Any, folder: Path, dtype: torch.dtype) -> Any:
    try:
        model, report = AutoModelForCausalLM.from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            attn_implementation=IMPLEMENTATION,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except (RuntimeError, OSError, ValueError) as error:
        raise CheckpointError(f"{folder}: {error}") from error
    for problem in ("missing_keys", "mismatched_keys", "unexpected_keys"):
        if report[problem]:
            name = min(str(key) for key in report[problem])
            raise CheckpointError(
                f"{folder}: {problem.replace('_', ' ')} in the weights, among them {name}."
            )
    return model.eval()


class _LinearModule(nn.Module):
    def __init__(self, linear: Linear) -> None:
        super().__init__()
        self._linear = linear

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._linear(x.flatten(0, -2)).view(*x.shape[:-1], -1)


def _run_by(linears: LinearFactory, model: Any) -> None:
    """Replace every linear map by ours."""
    head = model.get_output_embeddings()
    remaining = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | Conv1D)
    ]
    while remaining:  # popped, so that each weight is freed once it is replaced
        name, module = remaining.pop()
        # GPT-2's Conv1D is a Linear with its weight transposed.
        weight = module.weight.T if isinstance(module, Conv1D) else module.weight
        bias = None if module.bias is None else module.bias.detach()
        if module is head:
            linear = linears.output(weight.detach(), bias)
        else:
            linear = linears.linear([weight.detach()], bias)
        parent, _, leaf = name.rpartition(".")
        setattr(model.get_submodule(parent), leaf, _LinearModule(linear))
