"""Checkpoints that optimum-quanto saved: which layers are quantised, and their int8 or int4 data.

`quanto_qmap.json` maps module names to {"weights": qtype, "activations": qtype}. A qint8 module's
`weight` is stored as `weight._data` (int8) and `weight._scale` ([out_features, 1]). The rows of a
qint4 one are cut into groups of inputs, [out_features * num_groups, group_size], with
`weight._scale` and `weight._shift` for each; `weight._data._data` holds the first half of those
rows in the low four bits of its bytes, the second in the high ones. `input_scale` and
`output_scale` beside them matter only to quantised activations.
"""

import json
from pathlib import Path

import torch

from models.architectures.checkpoint import Checkpoint
from models.errors import CheckpointError, QuantizationError
from models.quantization.int4_weight import Int4Weight, group_size_of
from models.quantization.int8_weight import Int8Weight

QMAP_FILE = "quanto_qmap.json"
_RUNNABLE = (("qint8", "none"), ("qint4", "none"), ("none", "none"))


def check_qmap(folder: Path) -> bool:
    """Whether quanto made this checkpoint. Raises QuantizationError if not in qint8 or qint4."""
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
        if (weights, activations) not in _RUNNABLE:
            raise QuantizationError(
                f"{path}: {name} has weights {weights} and activations {activations}; "
                "only qint8 and qint4 weights without quantised activations can be run."
            )
    return True


def read_quantized(
    checkpoint: Checkpoint, name: str, shape: tuple[int, int]
) -> Int8Weight | Int4Weight | None:
    """The quantised `name`.weight, or None where it is stored as floats."""
    if f"{name}.weight._data" in checkpoint:
        weight: Int8Weight | Int4Weight = _read_int8(checkpoint, f"{name}.weight", shape)
    elif f"{name}.weight._data._data" in checkpoint:
        weight = _read_int4(checkpoint, f"{name}.weight", shape)
    else:
        return None
    checkpoint.skip(f"{name}.input_scale", f"{name}.output_scale")
    return weight


def _read_int8(checkpoint: Checkpoint, name: str, shape: tuple[int, int]) -> Int8Weight:
    data = checkpoint.tensor(f"{name}._data", shape)
    scale = checkpoint.tensor(f"{name}._scale", (shape[0], 1))
    return Int8Weight(data, scale.squeeze(1).float())


def _read_int4(checkpoint: Checkpoint, name: str, shape: tuple[int, int]) -> Int4Weight:
    out_features, in_features = shape
    group_size = group_size_of(in_features)
    num_groups = out_features * in_features // group_size
    packed = checkpoint.tensor(f"{name}._data._data", (-(-num_groups // 2), group_size))
    scale = checkpoint.tensor(f"{name}._scale", (num_groups, 1))
    shift = checkpoint.tensor(f"{name}._shift", (num_groups, 1))
    data = torch.cat((packed & 15, packed >> 4))[:num_groups]
    return Int4Weight(
        data.view(shape), scale.float().view(out_features, -1), shift.float().view(out_features, -1)
    )
