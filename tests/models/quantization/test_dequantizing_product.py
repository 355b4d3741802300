import pytest
import torch
from torch.nn import functional as F

from models.quantization import dequantizing_product
from models.quantization.dequantizing_product import DequantizingProduct
from models.quantization.int4_weight import Int4Weight
from models.quantization.int8_weight import Int8Weight


@pytest.mark.parametrize("scheme", [Int8Weight, Int4Weight])
@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize("num_rows", [0, 1, 5])
def test_equals_the_product_with_the_dequantised_weight(scheme, has_bias, num_rows, monkeypatch):
    monkeypatch.setattr(dequantizing_product, "_BLOCK_ELEMENTS", 64 * 16)  # the last block is short
    weight = scheme.quantize(torch.randn(50, 64, generator=torch.Generator().manual_seed(0)))
    x, bias = torch.randn(num_rows, 64), torch.randn(50) if has_bias else None
    expected = F.linear(x, weight.dequantize(), bias)
    torch.testing.assert_close(DequantizingProduct(weight, bias)(x), expected, atol=1e-5, rtol=1e-5)
