"""Weights of AutoAWQ in its `gemm` layout: 4 bits, in groups of consecutive inputs.

`qweight` int32 [in, out / 8], `qzeros` int32 [num_groups, out / 8], `scales` [num_groups, out]; a
weight is scale * (q - zero). Within a word the outputs lie in the order 0 2 4 6 1 3 5 7.
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
_ORDER = (0, 4, 1, 5, 2, 6, 3, 7)
"""Where in a word the outputs 0 to 7 lie."""


class AwqSource:
    def __init__(self, checkpoint: Checkpoint, config: dict[str, Any]) -> None:
        self.checkpoint = checkpoint
        layout = str(config.get("version", "gemm")).lower()
        bits = config.get("bits", config.get("w_bit"))
        if bits != _BITS or layout != "gemm":
            raise QuantizationError(
                f"{checkpoint.folder.name}: AWQ weights of {bits} bits in the layout {layout}; "
                f"{_BITS} bits in gemm can be taken over. Give the original model."
            )
        self._group_size = int(config.get("group_size", config.get("q_group_size", -1)))

    def form(self, module: str, shape: tuple[int, int]) -> StoredForm | None:
        if f"{module}.qweight" not in self.checkpoint:
            return None
        return StoredForm(Scheme.QINT4, self._groups_of(shape[1]))

    def tensors(self, module: str) -> tuple[str, ...]:
        names = (f"{module}.{part}" for part in ("qweight", "qzeros", "scales", "weight"))
        return tuple(name for name in names if name in self.checkpoint)

    def weight(self, module: str, shape: tuple[int, int]) -> torch.Tensor | Int4Weight:
        out, inputs = shape
        if f"{module}.qweight" not in self.checkpoint:
            return self.checkpoint.tensor(f"{module}.weight", shape)
        num_groups = inputs // self._groups_of(inputs)
        read = self.checkpoint.tensor
        data = _outputs(read(f"{module}.qweight", (inputs, out // len(_ORDER))))
        zeros = _outputs(read(f"{module}.qzeros", (num_groups, out // len(_ORDER))))
        scale = read(f"{module}.scales", (num_groups, out)).float()
        return Int4Weight(data.T.contiguous(), scale.T.contiguous(), (scale * zeros).T.contiguous())

    def _groups_of(self, inputs: int) -> int:
        return self._group_size if self._group_size > 0 else inputs


def _outputs(words: torch.Tensor) -> torch.Tensor:
    """words int32 [rows, out / 8] -> uint8 [rows, out]."""
    numbers = unpack_words(words, _BITS, 1).view(len(words), -1, len(_ORDER))
    return numbers[:, :, list(_ORDER)].flatten(1)
