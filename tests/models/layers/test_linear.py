import pytest
import torch
from torch.nn import functional as F

from models.layers.linear import FloatLinear


@pytest.mark.parametrize("num_rows", [0, 1, 3, 17])
@pytest.mark.parametrize("has_bias", [True, False])
def test_equals_linear(num_rows, has_bias):
    weight, x = torch.randn(40, 24), torch.randn(num_rows, 24)
    bias = torch.randn(40) if has_bias else None
    torch.testing.assert_close(FloatLinear(weight, bias)(x), F.linear(x, weight, bias))


def test_a_row_does_not_depend_on_its_neighbours():
    linear, x = FloatLinear(torch.randn(512, 256)), torch.randn(33, 256)
    whole = linear(x)
    for num_rows in (1, 2, 5, 16):
        assert torch.equal(linear(x[:num_rows]), whole[:num_rows])
