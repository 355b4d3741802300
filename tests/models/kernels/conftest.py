import pytest
import torch

from models.kernels.library import is_loaded

INSTRUCTION_SETS = ("portable", "avx2", "avx512", "avx512vnni")


def _runs_here(name):
    """Whether the machine has it: the best one and all that it includes."""
    return INSTRUCTION_SETS.index(name) <= INSTRUCTION_SETS.index(
        torch.ops.kamado.instruction_set()
    )


@pytest.fixture(autouse=True)
def kernels():
    assert is_loaded(), "build the kernels first: make setup"


@pytest.fixture(params=INSTRUCTION_SETS)
def instruction_set(request):
    """Runs the test with each instruction set's kernels."""
    if not _runs_here(request.param):
        pytest.skip(f"this machine has no {request.param}")
    torch.ops.kamado.use_instruction_set(request.param)
    yield request.param
    torch.ops.kamado.use_instruction_set("best")
