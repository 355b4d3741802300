"""Some rows of a matrix."""

import torch

from models.kernels import library


def take_rows(x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """x [n, size], rows [m] int64 -> [m, size]."""
    if x.device.type == "cpu" and x.dtype == torch.float32 and library.is_loaded():
        taken: torch.Tensor = torch.ops.kamado.take_rows.default(x, rows)
        return taken
    return x.index_select(0, rows)
