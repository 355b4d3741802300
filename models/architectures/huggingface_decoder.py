"""Any other causal language model of transformers, its own forward over the paged cache.

Slower than the lean decoder and served all the same. Which models qualify is decided by
`huggingface_loading.py`, which compares this forward with the model's own before it is used.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers.utils import ModelOutput

from models.architectures.causal_lm import CacheShape
from models.architectures.huggingface_attention import STEP_ARGUMENT, PagedStep
from models.layers.attention_plan import AttentionPlan
from models.layers.forward_batch import ForwardBatch, LayerCache
from models.layers.inference import inference


class HuggingFaceDecoder:
    """A `CausalLM` around a `transformers` model whose attention is set to our implementation."""

    def __init__(
        self,
        model: Any,
        *,
        cache_shape: CacheShape,
        hidden_size: int,
        max_model_len: int,
    ) -> None:
        self.vocab_size: int = model.config.vocab_size
        self.hidden_size = hidden_size
        self.max_model_len = max_model_len
        self.cache_shape = cache_shape
        self.device: torch.device = model.device
        self._network = model.base_model
        self._head = _without_network(model)

    @inference
    def forward(self, batch: ForwardBatch, caches: Sequence[LayerCache]) -> torch.Tensor:
        """See `CausalLM.forward`."""
        plan = AttentionPlan(batch, caches[0])
        output = self._network(
            input_ids=batch.input_ids[None],
            position_ids=batch.positions[None],
            use_cache=False,
            **{STEP_ARGUMENT: PagedStep(plan, caches)},
        )
        hidden: torch.Tensor = output.last_hidden_state[0]
        return hidden if batch.hidden_rows is None else hidden[batch.hidden_rows]

    @inference
    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """See `CausalLM.logits`. Includes whatever the model does after its output matrix."""
        logits: torch.Tensor = self._head(input_ids=None, known_hidden=hidden[None]).logits[0]
        return logits.float()


@dataclass
class _KnownOutput(ModelOutput):  # type: ignore[misc]
    """What the models' heads look for in their networks' outputs."""

    last_hidden_state: torch.Tensor | None = None
    past_key_values: None = None
    hidden_states: None = None
    attentions: None = None
    cross_attentions: None = None
    router_logits: None = None


class _KnownHidden(nn.Module):
    """Stands where the network was and answers with hidden states computed before."""

    def forward(self, *_: Any, known_hidden: torch.Tensor, **__: Any) -> _KnownOutput:
        return _KnownOutput(last_hidden_state=known_hidden)

    @property
    def decoder(self) -> "_KnownHidden":
        """Some models call their network's decoder instead of the network."""
        return self


def _without_network(model: Any) -> Any:
    """The same model, sharing its output matrix, whose forward begins after the network."""
    head = copy.copy(model)
    head._modules = {**model._modules, model.base_model_prefix: _KnownHidden()}
    return head
