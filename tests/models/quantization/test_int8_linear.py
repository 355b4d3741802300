import pytest
import torch
from torch.nn import functional as F

from models.quantization import int8_linear
from models.quantization.int8_linear import Int8Linear
from models.quantization.int8_weight import Int8Weight


@pytest.fixture
def weight():
    return Int8Weight.quantize(torch.randn(50, 64, generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("unpack", [True, False])
@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize("num_rows", [0, 1, 5])
def test_equals_the_product_with_the_dequantised_weight(
    weight, unpack, has_bias, num_rows, monkeypatch
):
    monkeypatch.setattr(int8_linear, "_BLOCK_ELEMENTS", 64 * 16)  # several blocks, the last short
    x, bias = torch.randn(num_rows, 64), torch.randn(50) if has_bias else None
    expected = F.linear(x, weight.dequantize(), bias)
    y = Int8Linear(weight, bias, unpack=unpack)(x)
    torch.testing.assert_close(y, expected, atol=1e-5, rtol=1e-5)
