"""The norm on the kernel against torch's."""

import pytest
import torch
from torch.library import opcheck


@pytest.mark.parametrize(("rows", "size"), [(1, 5), (3, 896), (40, 1000)])
@pytest.mark.parametrize("has_residual", [False, True])
def test_equals_torchs(instruction_set, rows, size, has_residual):
    x, weight = torch.randn(rows, size) * 3, torch.rand(size)
    residual = torch.randn(rows, size) if has_residual else None
    y = torch.ops.kamado.rms_norm(x, weight, 1e-6, residual)
    expected = torch.nn.functional.rms_norm(x.double(), (size,), weight.double(), 1e-6)
    if residual is not None:
        expected += residual
    torch.testing.assert_close(y.double(), expected, atol=1e-5, rtol=1e-5)


def test_the_fake_agrees_with_the_kernel():
    opcheck(
        torch.ops.kamado.rms_norm.default,
        (torch.randn(2, 8), torch.rand(8), 1e-6, torch.randn(2, 8)),
    )
