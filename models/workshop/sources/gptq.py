"""Weights of GPTQModel and AutoGPTQ: 4 bits, in groups of consecutive inputs.

`qweight` int32 [in / 8, out], `qzeros` int32 [num_groups, out / 8], `scales` [num_groups, out]; a
weight is scale * (q - zero). Version 1 of the format stores zeros less one.
"""

from typing import Any

import torch

from models.architectures.checkpoint import Checkpoint
from models.errors import QuantizationError
from models.quantization.int4_weight import Int4Weight
from models.workshop.recipe import Scheme
from models.workshop.sources.words import unpack_words
from models.workshop.stored_form import StoredForm

_BITS = 4
_PER_WORD = 32 // _BITS


class GptqSource:
    def __init__(self, checkpoint: Checkpoint, config: dict[str, Any]) -> None:
        self.checkpoint = checkpoint
        if config.get("bits") != _BITS:
            raise QuantizationError(
                f"{checkpoint.folder.name}: GPTQ weights of {config.get('bits')} bits; {_BITS} can "
                "be taken over. Give the original model."
            )
        self._group_size = config.get("group_size", -1)
        self._zero_offset = 0 if config.get("checkpoint_format") == "gptq_v2" else 1

    def form(self, module: str, shape: tuple[int, int]) -> StoredForm | None:
        if f"{module}.qweight" not in self.checkpoint:
            return None
        return StoredForm(Scheme.QINT4, self._groups_of(shape[1]))

    def tensors(self, module: str) -> tuple[str, ...]:
        names = (f"{module}.{part}" for part in ("qweight", "qzeros", "scales", "g_idx", "weight"))
        return tuple(name for name in names if name in self.checkpoint)

    def weight(self, module: str, shape: tuple[int, int]) -> torch.Tensor | Int4Weight:
        out, inputs = shape
        if f"{module}.qweight" not in self.checkpoint:
            return self.checkpoint.tensor(f"{module}.weight", shape)
        group_size = self._groups_of(inputs)
        num_groups = inputs // group_size
        self._check_order(module, inputs, group_size)
        read = self.checkpoint.tensor
        data = unpack_words(read(f"{module}.qweight", (inputs // _PER_WORD, out)), _BITS, 0)
        words = read(f"{module}.qzeros", (num_groups, -(-out // _PER_WORD)))
        zeros = unpack_words(words, _BITS, 1)[:, :out].float() + self._zero_offset
        scale = read(f"{module}.scales", (num_groups, out)).float()
        return Int4Weight(data.T.contiguous(), scale.T.contiguous(), (scale * zeros).T.contiguous())

    def _groups_of(self, inputs: int) -> int:
        return int(self._group_size) if self._group_size > 0 else inputs

    def _check_order(self, module: str, inputs: int, group_size: int) -> None:
        """Raises QuantizationError where groups are not of consecutive inputs."""
        if f"{module}.g_idx" not in self.checkpoint:
            return
        order = self.checkpoint.tensor(f"{module}.g_idx", (inputs,))
        if not torch.equal(order, torch.arange(inputs, dtype=order.dtype) // group_size):
            raise QuantizationError(
                f"{self.checkpoint.folder.name}: {module} was quantised by GPTQ with desc_act, "
                "which scatters a group's inputs. Give the original model, or a checkpoint made "
                "without desc_act."
            )
