"""The hook through which a Hugging Face network attends over the paged cache.

transformers hands queries, keys and values of each layer to a registered function. Ours passes them
to the step that `HuggingFaceDecoder.forward` sent down as a keyword argument: nothing is global.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from transformers import AttentionInterface

from models.errors import UnsupportedModelError
from models.layers.attention import attention
from models.layers.attention_plan import AttentionPlan
from models.layers.forward_batch import LayerCache

IMPLEMENTATION = "kamado_paged"
STEP_ARGUMENT = "kamado_step"


@dataclass(frozen=True, slots=True)
class LayerCall:
    """What one layer asks for; tensors are [num_tokens, heads, head_dim]."""

    index: int
    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    scale: float
    sliding_window: int | None
    softcap: float | None


class AttentionStep(Protocol):
    def attend(self, call: LayerCall) -> torch.Tensor:
        """Returns [num_tokens, num_heads, head_dim]."""
        ...


@dataclass(frozen=True, slots=True)
class PagedStep:
    """A real step."""

    plan: AttentionPlan
    caches: Sequence[LayerCache]

    def attend(self, call: LayerCall) -> torch.Tensor:
        attended = attention(
            torch.cat((call.query, call.key, call.value), dim=1).flatten(1),
            self.caches[call.index],
            self.plan,
            scale=call.scale,
            sliding_window=call.sliding_window,
            softcap=call.softcap,
        )
        return attended.view(call.query.shape)


@dataclass(frozen=True, slots=True)
class RecordingStep:
    """Computes nothing; remembers what the layers would have needed."""

    calls: list[LayerCall] = field(default_factory=list)

    def attend(self, call: LayerCall) -> torch.Tensor:
        self.calls.append(call)
        return torch.zeros_like(call.query)


def _attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """query [1, num_heads, num_tokens, head_dim] -> [1, num_tokens, num_heads, head_dim]."""
    step: AttentionStep | None = others.get(STEP_ARGUMENT)
    if step is None:
        raise UnsupportedModelError(
            f"{type(module).__name__} does not receive the arguments of the forward call."
        )
    call = LayerCall(
        index=module.layer_idx,
        query=query[0].transpose(0, 1),
        key=key[0].transpose(0, 1),
        value=value[0].transpose(0, 1),
        scale=query.shape[-1] ** -0.5 if scaling is None else scaling,
        sliding_window=sliding_window,
        softcap=softcap,
    )
    return step.attend(call)[None], None


AttentionInterface.register(IMPLEMENTATION, _attend)
