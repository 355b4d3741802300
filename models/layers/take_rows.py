"""Some rows of a matrix."""

import torch

from models.kernels import library

_KERNEL_DTYPES = (torch.float32, torch.bfloat16)


def take_rows(x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """x [n, size], rows [m] int64 -> [m, size]. On the CPU's kernel bf16 becomes fp32, which the
    others take."""
    if x.device.type == "cpu" and x.dtype in _KERNEL_DTYPES and library.is_loaded():
        taken: torch.Tensor = torch.ops.kamado.take_rows.default(x, rows)
        return taken
    return x.index_select(0, rows)
