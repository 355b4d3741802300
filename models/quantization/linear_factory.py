"""Which Linear runs a weight: chosen once, at load, by the scheme asked for and what is stored."""

from collections.abc import Sequence

import torch

from models.errors import QuantizationError
from models.layers.linear import FloatLinear, Linear
from models.quantization.int8_linear import Int8Linear
from models.quantization.int8_weight import Int8Weight

SCHEMES = ("int8",)
UNPACK_BELOW_BYTES = 64 * 2**20
"""A model whose weights take less than this in fp32 is run dequantised: its memory does not matter,
and dequantising in every call costs more than multiplying."""

StoredWeight = torch.Tensor | Int8Weight
"""[out_features, in_features], as floats or quantised."""


def check_scheme(quantization: str | None) -> None:
    """Raises QuantizationError unless None or one of SCHEMES."""
    if quantization is not None and quantization not in SCHEMES:
        raise QuantizationError(
            f"quantization {quantization!r} does not exist; choose one of "
            f"{', '.join(SCHEMES)}, or none."
        )


class LinearFactory:
    def __init__(
        self,
        quantization: str | None,
        *,
        dtype: torch.dtype,
        device: torch.device,
        num_elements: int,
    ) -> None:
        """`num_elements` are the weights of the whole model; `dtype` is that of its activations."""
        check_scheme(quantization)
        self._quantizes = quantization is not None
        self._dtype = dtype
        self._device = device
        self._unpacks = num_elements * torch.float32.itemsize < UNPACK_BELOW_BYTES

    def quantized(self, parts: Sequence[StoredWeight], bias: torch.Tensor | None = None) -> Linear:
        """All parts' rows as one Linear, under the scheme. Weights stored as int8 stay so."""
        if self._quantizes:
            parts = [
                part if isinstance(part, Int8Weight) else Int8Weight.quantize(part)
                for part in parts
            ]
        int8_parts = [part for part in parts if isinstance(part, Int8Weight)]
        if len(int8_parts) < len(parts):
            return self.plain(parts, bias)
        weight = Int8Weight.stack(int8_parts).to(self._device)
        return Int8Linear(weight, self._on_device(bias), dtype=self._dtype, unpack=self._unpacks)

    def plain(self, parts: Sequence[StoredWeight], bias: torch.Tensor | None = None) -> Linear:
        """The same in floating point, whatever the scheme: for output matrices."""
        floats = [part.dequantize() if isinstance(part, Int8Weight) else part for part in parts]
        placed = [part.to(self._device, self._dtype) for part in floats]
        # A single part is not copied: a tied output matrix may share the embedding's memory.
        weight = placed[0] if len(placed) == 1 else torch.cat(placed)
        return FloatLinear(weight, self._on_device(bias))

    def _on_device(self, bias: torch.Tensor | None) -> torch.Tensor | None:
        return None if bias is None else bias.to(self._device, self._dtype)
