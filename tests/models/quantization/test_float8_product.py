"""float8 times float8 as torch computes it here, against the same numbers multiplied in fp64."""

import torch
from torch.nn import functional as F

from models.quantization.float8_product import FEW_ROWS, Float8Product
from models.quantization.float8_weight import Float8Weight


def product_of(weight, bias):
    dequantised = weight.data.float() * weight.scale[:, None]
    return Float8Product(
        weight, bias.bfloat16(), exact=lambda x: F.linear(x.float(), dequantised, bias)
    ), dequantised.double()


def test_many_rows_are_rounded_each_by_its_own_scale():
    torch.manual_seed(0)
    weight, bias = Float8Weight.quantize(torch.randn(48, 64)), torch.randn(48)
    product, exact_weight = product_of(weight, bias)
    x = (torch.randn(FEW_ROWS + 6, 64) * torch.logspace(-3, 3, FEW_ROWS + 6)[:, None]).bfloat16()
    x[5] = 0
    y = product(x)
    assert y.dtype == torch.bfloat16
    exact = x.double() @ exact_weight.T
    error = (y.double() - bias.double() - exact).norm(dim=1)
    # Three bits of mantissa round by 2^-4 at most, and here and there by half of that.
    assert (error <= 0.05 * exact.norm(dim=1) + 0.01 * bias.norm()).all()
    assert torch.equal(y[5], bias.bfloat16())


def test_few_rows_are_not_rounded():
    weight, bias = Float8Weight.quantize(torch.randn(48, 64)), torch.randn(48)
    product, exact_weight = product_of(weight, bias)
    x = torch.randn(FEW_ROWS, 64)
    torch.testing.assert_close(
        product(x).double(), x.double() @ exact_weight.T + bias.double(), atol=1e-4, rtol=1e-4
    )
