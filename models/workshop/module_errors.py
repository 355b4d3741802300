"""How far each stored matrix is from its original."""

from pathlib import Path

import torch

from models.architectures.checkpoint import Checkpoint
from models.architectures.linear_shapes import HEAD, linear_shapes
from models.architectures.loading import read_spec
from models.quantization.quanto_format import read_quantized
from models.workshop.progress import track

_EMBEDDING = "model.embed_tokens.weight"


def module_errors(original: Path, stored: Path) -> dict[str, float]:
    """module -> |W - W'| / |W| (Frobenius), of those that `stored` has quantised. Reads both
    checkpoints matrix by matrix."""
    spec = read_spec(stored)
    before, after = Checkpoint(original), Checkpoint(stored)
    errors: dict[str, float] = {}
    for module, shape in track(linear_shapes(spec).items(), "measuring matrices ..."):
        found = read_quantized(after, module, shape)
        if found is None:
            continue
        name = _EMBEDDING if module == HEAD and spec.ties_embeddings else f"{module}.weight"
        weight = before.tensor(name, shape).float()
        quantized = found.float() if isinstance(found, torch.Tensor) else found.dequantize()
        size = torch.linalg.vector_norm(weight).item()
        errors[module] = torch.linalg.vector_norm(weight - quantized).item() / (size or 1.0)
    return errors
