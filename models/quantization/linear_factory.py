"""Which Linear runs a weight: chosen once, at load, by the scheme asked for, by what is stored and
by whether the kernels are there."""

from collections.abc import Sequence

import torch

from models.errors import QuantizationError
from models.kernels.library import is_loaded, multiplies_bytes
from models.kernels.packed_weight import pack_float
from models.kernels.triton import support
from models.layers.linear import ComposedLinear, FloatProduct, Linear, Product
from models.layers.packed_linear import PackedLinear, interleave_gate
from models.quantization.dequantizing_product import DequantizingProduct
from models.quantization.float8_product import Float8Product, can_multiply, multiplies_float8
from models.quantization.float8_weight import Float8Weight
from models.quantization.int4_weight import Int4Weight
from models.quantization.int8_weight import Int8Weight

Scheme = type[Int8Weight] | type[Int4Weight] | type[Float8Weight]
SCHEMES: dict[str, Scheme] = {"int8": Int8Weight, "int4": Int4Weight, "float8": Float8Weight}
OUTPUT_SCHEMES: dict[str, Scheme] = {
    "int8": Int8Weight, "int4": Int8Weight, "float8": Float8Weight,
}  # fmt: skip
"""The output matrix decides between the likeliest tokens; four bits would show there first."""
UNPACK_BELOW_BYTES = 64 * 2**20
"""Without the kernels, a model whose weights take less than this in fp32 is run dequantised: its
memory does not matter, and dequantising in every call costs more than multiplying."""
WORD_INPUTS = 8
"""The kernels take inputs in multiples of this."""

ACTIVATIONS = ("float32", "int8", "float8")
"""How activations enter products with quantised weights; float32 stands for as they are."""

StoredWeight = torch.Tensor | Int8Weight | Int4Weight | Float8Weight
"""[out_features, in_features], as floats or quantised."""


def check_scheme(quantization: str | None, activations: str = "float32") -> None:
    """Raises QuantizationError unless None or one of SCHEMES, with one of ACTIVATIONS that this
    machine can run."""
    if quantization is not None and quantization not in SCHEMES:
        raise QuantizationError(
            f"quantization {quantization!r} does not exist; choose one of "
            f"{', '.join(SCHEMES)}, or none."
        )
    if activations not in ACTIVATIONS:
        raise QuantizationError(
            f"activations {activations!r} do not exist; choose one of {', '.join(ACTIVATIONS)}."
        )
    if activations == "int8" and not multiplies_bytes():
        raise QuantizationError(
            "activations='int8' needs the CPU kernels and a processor that multiplies bytes "
            "(AVX-512 VNNI). Leave activations at float32."
        )
    if activations == "float8" and quantization != "float8":
        raise QuantizationError(
            f"activations='float8' needs quantization='float8', which is {quantization!r}."
        )


class LinearFactory:
    def __init__(
        self,
        quantization: str | None,
        *,
        dtype: torch.dtype,
        device: torch.device,
        num_elements: int,
        activations: str = "float32",
    ) -> None:
        """`num_elements` are the weights of the whole model; `dtype` is that of its activations,
        `activations` how they enter products with quantised weights."""
        check_scheme(quantization, activations)
        if activations == "float8" and not multiplies_float8(device):
            raise QuantizationError(
                "activations='float8' needs a GPU that multiplies float8 (Nvidia's from Ada and "
                f"Hopper on); the device is {device}. Leave activations at float32."
            )
        self._activations = activations
        self._scheme = SCHEMES[quantization] if quantization else None
        self._output_scheme = OUTPUT_SCHEMES[quantization] if quantization else None
        self._dtype = dtype
        self._device = device
        self._uses_triton = support.runs_on(device)
        self._has_kernels = (
            device.type == "cpu"
            and not self._uses_triton
            and dtype == torch.float32
            and is_loaded()
        )
        self._unpacks = num_elements * torch.float32.itemsize < UNPACK_BELOW_BYTES

    def linear(
        self,
        parts: Sequence[StoredWeight],
        bias: torch.Tensor | None = None,
        *,
        activation: str | None = None,
    ) -> Linear:
        """All parts' rows as one Linear, under the scheme; a weight stored quantised stays so.
        With `activation` the first half of the rows gates the second."""
        return self._make(
            _stacked([_quantized(part, self._scheme) for part in parts]), bias, activation
        )

    def quantized(self, weight: StoredWeight) -> StoredWeight:
        """Under the scheme, as `linear` would have it: for a matrix whose parts are taken after."""
        return _quantized(weight, self._scheme)

    def output(self, weight: StoredWeight, bias: torch.Tensor | None = None) -> Linear:
        """The matrix from hidden states to logits."""
        return self._make(_quantized(weight, self._output_scheme), bias, None)

    def _make(
        self, weight: StoredWeight, bias: torch.Tensor | None, activation: str | None
    ) -> Linear:
        if isinstance(weight, Float8Weight):
            if not self._uses_triton:
                return self._make(weight.dequantize(), bias, activation)
        elif self._has_kernels and weight.shape[1] % WORD_INPUTS == 0:
            return _packed(weight, bias, activation, quantizes_inputs=self._activations == "int8")
        return ComposedLinear(self._product(weight, self._placed(bias)), activation)

    def _product(self, weight: StoredWeight, bias: torch.Tensor | None) -> Product:
        if isinstance(weight, torch.Tensor):
            return FloatProduct(weight.to(self._device, self._dtype), bias)
        if self._uses_triton:
            return self._on_triton(weight.map_rows(lambda rows: rows.to(self._device)), bias)
        if self._unpacks or isinstance(weight, Float8Weight):
            return FloatProduct(weight.dequantize().to(self._device, self._dtype), bias)
        return DequantizingProduct(weight.map_rows(lambda rows: rows.to(self._device)), bias)

    def _on_triton(
        self, weight: Int8Weight | Int4Weight | Float8Weight, bias: torch.Tensor | None
    ) -> Product:
        """Of a weight on the device."""
        from models.kernels.triton.weight_only import packs_groups
        from models.quantization.triton_product import GroupScaledProduct, RowScaledProduct

        if isinstance(weight, Int4Weight):
            if packs_groups(weight.group_size):
                return GroupScaledProduct(weight, bias)
            return DequantizingProduct(weight, bias)
        product = RowScaledProduct(weight, bias)
        if (
            isinstance(weight, Float8Weight)
            and self._activations == "float8"
            and can_multiply(weight.shape, self._dtype, self._device)
        ):
            return Float8Product(weight, bias, exact=product)
        return product

    def _placed(self, bias: torch.Tensor | None) -> torch.Tensor | None:
        return None if bias is None else bias.to(self._device, self._dtype)


def _quantized(weight: StoredWeight, scheme: Scheme | None) -> StoredWeight:
    if isinstance(weight, torch.Tensor) and scheme is not None:
        return scheme.quantize(weight)
    return weight


def _stacked(parts: Sequence[StoredWeight]) -> StoredWeight:
    """As one matrix; in floats unless all parts are of one scheme."""
    int8 = [part for part in parts if isinstance(part, Int8Weight)]
    if len(int8) == len(parts):
        return Int8Weight.stack(int8)
    int4 = [part for part in parts if isinstance(part, Int4Weight)]
    if len(int4) == len(parts):
        return Int4Weight.stack(int4)
    float8 = [part for part in parts if isinstance(part, Float8Weight)]
    if len(float8) == len(parts):
        return Float8Weight.stack(float8)
    floats = [part if isinstance(part, torch.Tensor) else part.dequantize() for part in parts]
    # A single part is not copied: an output matrix may share the embedding's memory.
    return floats[0] if len(floats) == 1 else torch.cat(floats)


def _packed(
    weight: torch.Tensor | Int8Weight | Int4Weight,
    bias: torch.Tensor | None,
    activation: str | None,
    *,
    quantizes_inputs: bool,
) -> PackedLinear:
    out_features = weight.shape[0]
    if activation is not None:
        out_features //= 2
        bias = None if bias is None else interleave_gate(bias)
        if isinstance(weight, torch.Tensor):
            weight = interleave_gate(weight)
        else:
            weight = weight.map_rows(interleave_gate)
    if isinstance(weight, torch.Tensor):
        is_bf16 = weight.dtype == torch.bfloat16
        packed = pack_float(weight if is_bf16 else weight.float())
        return PackedLinear(packed, out_features, bias, activation)
    return PackedLinear(
        weight.pack(), out_features, bias, activation, quantizes_inputs=quantizes_inputs
    )
