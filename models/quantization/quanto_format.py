"""Checkpoints that optimum-quanto saved: which layers are quantised, and their int8 weights.

`quanto_qmap.json` maps module names to {"weights": qtype, "activations": qtype}. A quantised
module's `weight` is stored as `weight._data` (int8) and `weight._scale` ([out_features, 1]), beside
`input_scale` and `output_scale`, which matter only to quantised activations.
"""

import json
from pathlib import Path

from models.architectures.checkpoint import Checkpoint
from models.errors import CheckpointError, QuantizationError
from models.quantization.int8_weight import Int8Weight

QMAP_FILE = "quanto_qmap.json"


def check_qmap(folder: Path) -> bool:
    """Whether quanto made this checkpoint. Raises QuantizationError if not in qint8."""
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
        if (weights, activations) not in (("qint8", "none"), ("none", "none")):
            raise QuantizationError(
                f"{path}: {name} has weights {weights} and activations {activations}; "
                "only qint8 weights without quantised activations can be run."
            )
    return True


def read_int8(checkpoint: Checkpoint, name: str, shape: tuple[int, int]) -> Int8Weight | None:
    """The quantised `name`.weight, or None where it is stored as floats."""
    if f"{name}.weight._data" not in checkpoint:
        return None
    data = checkpoint.tensor(f"{name}.weight._data", shape)
    scale = checkpoint.tensor(f"{name}.weight._scale", (shape[0], 1))
    checkpoint.skip(f"{name}.input_scale", f"{name}.output_scale")
    return Int8Weight(data, scale.squeeze(1).float())
