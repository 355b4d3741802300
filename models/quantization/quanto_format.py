"""Checkpoints as optimum-quanto saves them: which layers are quantised, and their data, both ways.

`quanto_qmap.json` maps module names to {"weights": qtype, "activations": qtype}. A qint8 module's
`weight` is stored as `weight._data` (int8) and `weight._scale` ([out_features, 1]), and a qfloat8
one's alike. The rows of a qint4 one are cut into groups of inputs, [out_features * num_groups,
group_size], with `weight._scale` and `weight._shift` for each; `weight._data._data` holds the first
half of those rows in the low four bits of its bytes, the second in the high ones. `input_scale` and
`output_scale` beside them matter only to quantised activations.

quanto itself chooses the group size; others are read and written here too, which it does not load.
"""

import json
from pathlib import Path

import torch

from models.architectures.checkpoint import Checkpoint
from models.errors import CheckpointError, QuantizationError
from models.quantization.float8_weight import Float8Weight
from models.quantization.int4_weight import Int4Weight, group_size_of
from models.quantization.int8_weight import Int8Weight

QMAP_FILE = "quanto_qmap.json"
_RUNNABLE = ("qint8", "qint4", "qfloat8_e4m3fn", "none")


def check_qmap(folder: Path) -> bool:
    """Whether quanto made this checkpoint. Raises QuantizationError unless each module is of a
    scheme that can be run."""
    path = folder / QMAP_FILE
    if not path.is_file():
        return False
    try:
        modules = json.loads(path.read_bytes())
        schemes = {
            name: (entry["weights"], entry["activations"]) for name, entry in modules.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} is no quantisation map: {error!r}.") from error
    for name, (weights, activations) in schemes.items():
        if weights not in _RUNNABLE or activations != "none":
            raise QuantizationError(
                f"{path}: {name} has weights {weights} and activations {activations}; only qint8, "
                "qint4 and qfloat8 weights without quantised activations can be run."
            )
    return True


def read_quantized(
    checkpoint: Checkpoint, name: str, shape: tuple[int, int]
) -> Int8Weight | Int4Weight | torch.Tensor | None:
    """The quantised `name`.weight, or None where it is stored as floats. float8 comes as bf16,
    which runs it."""
    weight: Int8Weight | Int4Weight | torch.Tensor
    if f"{name}.weight._data" in checkpoint:
        weight = _read_rows(checkpoint, f"{name}.weight", shape)
    elif f"{name}.weight._data._data" in checkpoint:
        weight = _read_int4(checkpoint, f"{name}.weight", shape)
    else:
        return None
    checkpoint.skip(f"{name}.input_scale", f"{name}.output_scale")
    return weight


def stored_tensors(
    name: str, weight: Int8Weight | Int4Weight | Float8Weight
) -> dict[str, torch.Tensor]:
    """The tensors that stand for `name`.weight in a checkpoint."""
    if isinstance(weight, Int4Weight):
        groups = weight.data.view(weight.scale.numel(), -1)
        half = -(-len(groups) // 2)
        packed = groups[:half].clone()
        packed[: len(groups) - half] |= groups[half:] << 4
        return {
            f"{name}.weight._data._data": packed,
            f"{name}.weight._scale": weight.scale.reshape(-1, 1),
            f"{name}.weight._shift": weight.shift.reshape(-1, 1),
        }
    return {
        f"{name}.weight._data": weight.data,
        f"{name}.weight._scale": weight.scale.reshape(-1, 1),
    }


def _read_rows(
    checkpoint: Checkpoint, name: str, shape: tuple[int, int]
) -> Int8Weight | torch.Tensor:
    data = checkpoint.tensor(f"{name}._data", shape)
    scale = checkpoint.tensor(f"{name}._scale", (shape[0], 1)).squeeze(1).float()
    if data.dtype == torch.float8_e4m3fn:
        return Float8Weight(data, scale).dequantize()
    return Int8Weight(data, scale)


def _read_int4(checkpoint: Checkpoint, name: str, shape: tuple[int, int]) -> Int4Weight:
    out_features, in_features = shape
    group_size = _stored_group_size(checkpoint, name, in_features)
    num_groups = out_features * in_features // group_size
    packed = checkpoint.tensor(f"{name}._data._data", (-(-num_groups // 2), group_size))
    scale = checkpoint.tensor(f"{name}._scale", (num_groups, 1))
    shift = checkpoint.tensor(f"{name}._shift", (num_groups, 1))
    data = torch.cat((packed & 15, packed >> 4))[:num_groups]
    return Int4Weight(
        data.view(shape), scale.float().view(out_features, -1), shift.float().view(out_features, -1)
    )


def _stored_group_size(checkpoint: Checkpoint, name: str, in_features: int) -> int:
    """As the packed tensor's rows are long, if groups of that size fill a row of the matrix."""
    stored = checkpoint.shape(f"{name}._data._data")[-1:]
    if stored and stored[0] > 0 and in_features % stored[0] == 0:
        return stored[0]
    return group_size_of(in_features)
