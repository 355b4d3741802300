import pytest
import torch
from torch.nn import functional as F


@pytest.mark.parametrize("size", [1, 40, 130])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("has_residual", [False, True])
def test_equals_its_definition(device, size, dtype, has_residual):
    from models.kernels.triton.rms_norm import rms_norm

    x, residual = torch.randn(2, 3, size, device=device).to(dtype)
    weight = torch.randn(size, device=device)
    expected = F.rms_norm(x.float(), (size,), weight, 1e-5).to(dtype)
    if has_residual:
        expected += residual
    got = rms_norm(x, weight, 1e-5, residual if has_residual else None)
    assert got.dtype == dtype
    torch.testing.assert_close(got, expected)
