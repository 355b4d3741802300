"""What a model's weights will take in memory, told from the headers of its files.

It follows `linear_factory.py`, which decides how each matrix is run.
"""

import math

from models.architectures.checkpoint import Checkpoint
from models.architectures.decoder_spec import DecoderSpec
from models.architectures.linear_shapes import HEAD, fused_modules, linear_shapes
from models.kernels import library
from models.layers.rotary import SMALLEST_TABLE
from models.quantization.int4_weight import group_size_of
from models.quantization.linear_factory import UNPACK_BELOW_BYTES
from models.workshop.recipe import Scheme
from models.workshop.stored_form import StoredForm

_EMBEDDING = "model.embed_tokens"
_WIDE = 4
"""Bytes of a number in fp32."""

Form = StoredForm | int
"""Quantised so, or floats of so many bytes."""


def weights_in_memory(spec: DecoderSpec, checkpoint: Checkpoint, quantization: str | None) -> int:
    """Bytes, on a CPU, the tables of rotary angles among them. `quantization` at load, of the
    matrices that are stored in floats."""
    shapes = linear_shapes(spec)
    forms = {
        module: _form(checkpoint, module, shape, quantization) for module, shape in shapes.items()
    }
    total = 0
    for unit in (*fused_modules(spec), (HEAD,)):
        is_alike = len({forms[module] for module in unit}) == 1
        for module in unit:  # unlike parts are run as one matrix of floats
            total += _matrix_bytes(module, shapes[module], forms[module] if is_alike else _WIDE)
    embedding = f"{_EMBEDDING}.weight"
    matrices = tuple(f"{module}.weight" for module in (*shapes, _EMBEDDING))
    rest = [name for name in checkpoint if not name.startswith(matrices)]
    return (
        total
        + _numbers(checkpoint, embedding) * _itemsize(checkpoint, embedding)
        + sum(_numbers(checkpoint, name) for name in rest) * _WIDE
        + sum(2 * len(rope.inv_freq) * SMALLEST_TABLE for rope in spec.ropes.values()) * _WIDE
    )


def _form(
    checkpoint: Checkpoint, module: str, shape: tuple[int, int], quantization: str | None
) -> Form:
    """What the matrix is run in."""
    name = f"{module}.weight"
    if f"{name}._data._data" in checkpoint:
        form: Form = StoredForm(Scheme.QINT4, checkpoint.shape(f"{name}._data._data")[1])
    elif f"{name}._data" in checkpoint and checkpoint.dtype(f"{name}._data") == "I8":
        form = StoredForm(Scheme.QINT8)
    elif f"{name}._data" in checkpoint or quantization == "float8":
        form = 2  # eight bits of floating point are run as bf16
    elif quantization == "int4" and module != HEAD:
        form = StoredForm(Scheme.QINT4, group_size_of(shape[1]))
    elif quantization is not None:
        form = StoredForm(Scheme.QINT8)
    else:  # a tied head has no weight of its own
        form = _itemsize(checkpoint, name if name in checkpoint else f"{_EMBEDDING}.weight")
    return form if library.is_loaded() else _without_kernels(form, checkpoint.num_elements)


def _without_kernels(form: Form, num_elements: int) -> Form:
    """torch multiplies floats of 32 bits, which a small model's weights are kept as."""
    is_small = num_elements * _WIDE < UNPACK_BELOW_BYTES
    return _WIDE if is_small or isinstance(form, int) else form


def _matrix_bytes(module: str, shape: tuple[int, int], form: Form) -> int:
    if isinstance(form, int):
        return math.prod(shape) * form
    return sum(spec.num_bytes for spec in form.specs(module, shape).values())


def _numbers(checkpoint: Checkpoint, name: str) -> int:
    return math.prod(checkpoint.shape(name))


def _itemsize(checkpoint: Checkpoint, name: str) -> int:
    """Of floats once they are loaded: bf16 stays, all else is widened."""
    return 2 if checkpoint.dtype(name) == "BF16" else _WIDE
