"""Whether Triton's kernels can run what lies on a device. Imports no Triton: it may be missing."""

from functools import cache
from importlib.util import find_spec

import torch

SMALLEST_DOT = 16
"""Rows and columns of the smallest product that `tl.dot` takes."""


@cache
def is_installed() -> bool:
    return find_spec("triton") is not None


def runs_on(device: torch.device) -> bool:
    """Whether kernels of this folder take tensors of `device`; the CPU has its own."""
    return device.type == "cuda" and is_installed()
