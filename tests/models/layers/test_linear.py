import pytest
import torch
from torch.nn import functional as F

from models.layers.linear import ComposedLinear, FloatProduct
from models.layers.norm import RMSNorm


@pytest.mark.parametrize("num_rows", [0, 1, 3, 17])
@pytest.mark.parametrize("has_bias", [True, False])
def test_equals_linear(num_rows, has_bias):
    weight, x = torch.randn(40, 24), torch.randn(num_rows, 24)
    bias = torch.randn(40) if has_bias else None
    torch.testing.assert_close(FloatProduct(weight, bias)(x), F.linear(x, weight, bias))


def test_a_row_does_not_depend_on_its_neighbours():
    product, x = FloatProduct(torch.randn(512, 256)), torch.randn(33, 256)
    whole = product(x)
    for num_rows in (1, 2, 5, 16):
        assert torch.equal(product(x[:num_rows]), whole[:num_rows])


def test_norm_gate_and_residual_surround_the_product():
    weight, x, residual = torch.randn(40, 24), torch.randn(5, 24), torch.randn(5, 20)
    norm = RMSNorm(torch.randn(24), 1e-5)
    gate, up = F.linear(norm(x), weight).chunk(2, dim=-1)
    linear = ComposedLinear(FloatProduct(weight), "silu")
    found = linear(x, norm=norm, residual=residual)
    torch.testing.assert_close(found, F.silu(gate) * up + residual)
