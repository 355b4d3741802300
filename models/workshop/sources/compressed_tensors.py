"""Weights of llm-compressor in the format compressed-tensors: int8 with a scale per row, or int4 in
groups of inputs.

int-quantized: `weight` int8 [out, in], `weight_scale` [out, 1]. pack-quantized: `weight_packed`
int32 [out, in / numbers per word], each number plus 2 ** (bits - 1), `weight_scale` [out,
num_groups]; where asymmetric `weight_zero_point` int32 [out / numbers per word, num_groups], packed
alike along the outputs.
"""

from typing import Any

import torch

from models.architectures.checkpoint import Checkpoint
from models.errors import QuantizationError
from models.quantization.int4_weight import Int4Weight
from models.quantization.int8_weight import Int8Weight
from models.workshop.recipe import Scheme
from models.workshop.sources.words import unpack_words
from models.workshop.stored_form import StoredForm

_PARTS = ("weight_packed", "weight_scale", "weight_zero_point", "weight_shape", "weight_g_idx")


class CompressedTensorsSource:
    def __init__(self, checkpoint: Checkpoint, config: dict[str, Any]) -> None:
        self.checkpoint = checkpoint
        groups = config.get("config_groups") or {}
        if len(groups) != 1:
            raise self._refusal(f"{len(groups)} groups of modules with schemes of their own")
        group = next(iter(groups.values()))
        weights = group.get("weights") or {}
        self._format = config.get("format")
        self._bits = int(weights.get("num_bits") or 0)
        strategy = weights.get("strategy")
        self._is_symmetric = bool(weights.get("symmetric", True))
        self._group_size = weights.get("group_size") or -1
        known = {
            ("int-quantized", 8, "channel"),
            ("pack-quantized", 8, "channel"),
            ("pack-quantized", 4, "group"),
            ("pack-quantized", 4, "channel"),
        }
        kind = (self._format, self._bits, strategy)
        if kind not in known or weights.get("type", "int") != "int":
            raise self._refusal(f"the format {kind[0]}, {kind[1]} bits per {kind[2]}")
        if self._bits == 8 and not self._is_symmetric:
            raise self._refusal("asymmetric int8")
        if weights.get("actorder") not in (None, False, "weight", "static"):
            raise self._refusal("groups ordered by activation")

    def form(self, module: str, shape: tuple[int, int]) -> StoredForm | None:
        if f"{module}.weight_scale" not in self.checkpoint:
            return None
        if self._bits == 8:
            return StoredForm(Scheme.QINT8)
        return StoredForm(Scheme.QINT4, self._groups_of(shape[1]))

    def tensors(self, module: str) -> tuple[str, ...]:
        names = (f"{module}.{part}" for part in ("weight", *_PARTS))
        return tuple(name for name in names if name in self.checkpoint)

    def weight(self, module: str, shape: tuple[int, int]) -> torch.Tensor | Int8Weight | Int4Weight:
        read = self.checkpoint.tensor
        if f"{module}.weight_scale" not in self.checkpoint:
            return read(f"{module}.weight", shape)
        out, inputs = shape
        if self._bits == 8:
            data = (
                read(f"{module}.weight", shape)
                if self._format == "int-quantized"
                else (self._unpacked(f"{module}.weight_packed", shape) ^ 128).view(torch.int8)
            )
            return Int8Weight(data, read(f"{module}.weight_scale", (out, 1)).squeeze(1).float())
        num_groups = inputs // self._groups_of(inputs)
        scale = read(f"{module}.weight_scale", (out, num_groups)).float()
        shift = scale * 8
        if not self._is_symmetric:
            words = read(f"{module}.weight_zero_point", (-(-out // 8), num_groups))
            shift = scale * unpack_words(words, 4, 0)[:out]
        return Int4Weight(self._unpacked(f"{module}.weight_packed", shape), scale, shift)

    def _unpacked(self, name: str, shape: tuple[int, int]) -> torch.Tensor:
        """uint8 [out, in]; the numbers were raised until none was negative."""
        per_word = 32 // self._bits
        words = self.checkpoint.tensor(name, (shape[0], -(-shape[1] // per_word)))
        return unpack_words(words, self._bits, 1)[:, : shape[1]].contiguous()

    def _groups_of(self, inputs: int) -> int:
        return int(self._group_size) if self._group_size > 0 else inputs

    def _refusal(self, what: str) -> QuantizationError:
        return QuantizationError(
            f"{self.checkpoint.folder.name}: compressed-tensors with {what} cannot be taken over; "
            "int8 with a scale per row and int4 in groups can. Give the original model."
        )
