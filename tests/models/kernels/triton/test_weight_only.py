"""Products over eight and four bits against the dequantised weight's."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.quantization.float8_weight import Float8Weight
from models.quantization.int4_weight import Int4Weight
from models.quantization.int8_weight import Int8Weight

EXAMPLES = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # `device` never changes
)
shapes = st.tuples(st.integers(1, 70), st.integers(1, 40), st.integers(1, 300))


@pytest.fixture
def products(device):
    """The module that needs Triton, where it is."""
    from models.quantization import triton_product

    return triton_product


def placed(weight, device):
    return weight.map_rows(lambda rows: rows.to(device))


def check(device, product, weight, x, bias):
    """x, bias fp32: nothing is rounded but sums."""
    exact = x.double() @ weight.double().T + bias.double()
    got = product(x.to(device)).cpu()
    assert got.dtype == x.dtype
    torch.testing.assert_close(got.double(), exact, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("scheme", [Int8Weight, Float8Weight])
@EXAMPLES
@given(shape=shapes)
def test_rows_with_a_scale_each(device, products, scheme, shape):
    num_rows, out_features, in_features = shape
    stored = scheme.quantize(torch.randn(out_features, in_features))
    x, bias = torch.randn(num_rows, in_features), torch.randn(out_features)
    product = products.RowScaledProduct(
        stored.map_rows(lambda rows: rows.to(device)), bias.to(device)
    )
    check(device, product, stored.data.double() * stored.scale[:, None].double(), x, bias)


@EXAMPLES
@given(
    num_rows=st.integers(1, 70),
    out_features=st.integers(1, 40),
    num_groups=st.integers(1, 3),
    group_size=st.sampled_from([2, 32, 48, 96, 128, 256]),
)
def test_groups_with_a_scale_and_a_shift_each(
    device, products, num_rows, out_features, num_groups, group_size
):
    in_features = num_groups * group_size
    stored = Int4Weight.quantize(torch.randn(out_features, in_features), group_size)
    x, bias = torch.randn(num_rows, in_features), torch.randn(out_features)
    product = products.GroupScaledProduct(
        stored.map_rows(lambda rows: rows.to(device)), bias.to(device)
    )
    check(device, product, stored.dequantize(), x, bias)


def test_without_a_bias_and_in_16_bits(device, products):
    stored = Int8Weight.quantize(torch.randn(20, 64))
    x = torch.randn(3, 64).half()
    got = products.RowScaledProduct(stored.map_rows(lambda rows: rows.to(device)))(
        x.to(device)
    ).cpu()
    assert got.dtype == torch.float16
    torch.testing.assert_close(got.float(), x.float() @ stored.dequantize().T, rtol=2e-3, atol=2e-2)
