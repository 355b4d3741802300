"""Loads the compiled kernels, or says in one line what is lost without them."""

import logging
from functools import cache
from pathlib import Path

import torch

from models.kernels.operators import register_fakes

logger = logging.getLogger(__name__)

LIBRARY = Path(__file__).parent / "libkamado.so"


@cache
def is_loaded() -> bool:
    """Whether `torch.ops.kamado` exists; tried once."""
    try:
        torch.ops.load_library(LIBRARY)  # type: ignore[no-untyped-call]
    except OSError as error:
        logger.warning(
            "the CPU kernels cannot be loaded, so torch's operators run instead, several times "
            "slower on quantised weights (%s); `python -m models.kernels.build` compiles them",
            str(error).splitlines()[0],
        )
        return False
    register_fakes()
    logger.info("CPU kernels for %s", torch.ops.kamado.instruction_set())
    return True


def multiplies_bytes() -> bool:
    """Whether the kernels can round activations to bytes and gain by it."""
    return is_loaded() and bool(torch.ops.kamado.multiplies_bytes())
