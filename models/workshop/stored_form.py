"""A matrix's form on disk: its scheme and its groups, and from them the tensors that it becomes."""

from dataclasses import dataclass

import torch

from models.errors import QuantizationError
from models.quantization.float8_weight import Float8Weight
from models.quantization.int4_weight import Int4Weight, group_size_of
from models.quantization.int8_weight import Int8Weight
from models.workshop.recipe import Recipe, Scheme
from models.workshop.shard_writer import TensorSpec

QTYPES = {Scheme.QINT8: "qint8", Scheme.QINT4: "qint4", Scheme.QFLOAT8: "qfloat8_e4m3fn"}
"""As quanto's map of a checkpoint calls them."""


@dataclass(frozen=True, slots=True)
class StoredForm:
    scheme: Scheme
    group_size: int | None = None
    """Inputs that share a scale; None where a row does."""

    @classmethod
    def of(cls, recipe: Recipe, module: str, shape: tuple[int, int]) -> "StoredForm":
        """Raises QuantizationError where the recipe's groups do not fit the matrix."""
        scheme = recipe.scheme_of(module)
        if scheme is not Scheme.QINT4:
            return cls(scheme)
        if recipe.group_size is not None and shape[1] % recipe.group_size:
            raise QuantizationError(
                f"recipe {recipe.name}: group_size is {recipe.group_size}, which does not divide "
                f"the {shape[1]} inputs of {module}. Leave group_size out, or give {module} "
                "another scheme."
            )
        return cls(scheme, recipe.group_size or group_size_of(shape[1]))

    def quantize(self, weight: torch.Tensor) -> Int8Weight | Int4Weight | Float8Weight:
        """weight [out_features, in_features] float; the scheme is not NONE."""
        match self.scheme:
            case Scheme.QINT8:
                return Int8Weight.quantize(weight)
            case Scheme.QINT4:
                return Int4Weight.quantize(weight, self.group_size)
            case _:
                return Float8Weight.quantize(weight)

    def specs(self, module: str, shape: tuple[int, int]) -> dict[str, TensorSpec]:
        """The tensors of `quanto_format.stored_tensors`, before there are any; the scheme is not
        NONE."""
        rows, inputs = shape
        name = f"{module}.weight"
        if self.scheme is not Scheme.QINT4:
            dtype = "I8" if self.scheme is Scheme.QINT8 else "F8_E4M3"
            return {
                f"{name}._data": TensorSpec(dtype, shape),
                f"{name}._scale": TensorSpec("F32", (rows, 1)),
            }
        assert self.group_size is not None
        num_groups = rows * inputs // self.group_size
        return {
            f"{name}._data._data": TensorSpec("U8", (-(-num_groups // 2), self.group_size)),
            f"{name}._scale": TensorSpec("F32", (num_groups, 1)),
            f"{name}._shift": TensorSpec("F32", (num_groups, 1)),
        }
