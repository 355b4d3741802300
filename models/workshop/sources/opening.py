"""Which WeightSource reads a folder, by its config.json; or a refusal by name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.architectures.checkpoint import Checkpoint
from models.errors import CheckpointError, QuantizationError
from models.quantization.quanto_format import QMAP_FILE
from models.workshop.sources.awq import AwqSource
from models.workshop.sources.compressed_tensors import CompressedTensorsSource
from models.workshop.sources.gptq import GptqSource
from models.workshop.sources.weight_source import FloatSource, WeightSource

_SOURCES: dict[str, Callable[[Checkpoint, dict[str, Any]], WeightSource]] = {
    "gptq": GptqSource,
    "awq": AwqSource,
    "compressed-tensors": CompressedTensorsSource,
}


def open_source(folder: Path) -> WeightSource:
    """Raises QuantizationError for weights that are quantised in a way not read here."""
    if (folder / QMAP_FILE).is_file():
        raise QuantizationError(
            f"{folder.name} is quantised already ({QMAP_FILE}). Give the original model."
        )
    checkpoint = Checkpoint(folder)
    quantization = quantization_config(folder)
    if quantization is None:
        return FloatSource(checkpoint)
    method = str(quantization.get("quant_method"))
    source = _SOURCES.get(method)
    if source is None:
        raise QuantizationError(
            f"{folder.name}: the weights are quantised by {method}; of {', '.join(_SOURCES)} they "
            "can be taken over. Give the original model."
        )
    return source(checkpoint, quantization)


def quantization_config(folder: Path) -> dict[str, Any] | None:
    """What config.json says of another tool's quantisation. Raises CheckpointError."""
    path = folder / "config.json"
    try:
        found = json.loads(path.read_bytes()).get("quantization_config")
    except (OSError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}.") from error
    if found is not None and not isinstance(found, dict):
        raise CheckpointError(f"{path}: quantization_config is no object.")
    return found
