import pytest
import torch

from models.errors import QuantizationError
from models.layers.linear import ComposedLinear, FloatProduct
from models.layers.packed_linear import PackedLinear
from models.quantization import linear_factory
from models.quantization.dequantizing_product import DequantizingProduct
from models.quantization.int4_weight import Int4Weight
from models.quantization.int8_weight import Int8Weight
from models.quantization.linear_factory import OUTPUT_SCHEMES, SCHEMES, LinearFactory

CPU = torch.device("cpu")


def factory(quantization, num_elements=10**9):
    return LinearFactory(quantization, dtype=torch.float32, device=CPU, num_elements=num_elements)


@pytest.fixture(params=["kernels", "torch"])
def backend(request, monkeypatch):
    if request.param == "torch":
        monkeypatch.setattr(linear_factory, "is_loaded", lambda: False)
    return request.param


def test_unknown_scheme_is_refused_with_the_known_ones():
    with pytest.raises(QuantizationError, match="'int3' does not exist; choose one of int8, int4"):
        factory("int3")


@pytest.mark.parametrize("scheme", [None, *SCHEMES])
def test_kernels_run_every_scheme(scheme):
    assert isinstance(factory(scheme).linear([torch.randn(8, 16)]), PackedLinear)


def test_without_kernels_torch_runs_what_is_stored(monkeypatch):
    monkeypatch.setattr(linear_factory, "is_loaded", lambda: False)
    weight = torch.randn(8, 16)
    products = [factory(None).linear([weight]), factory("int8").linear([weight])]
    assert all(isinstance(linear, ComposedLinear) for linear in products)
    assert isinstance(products[0].product, FloatProduct)
    assert isinstance(products[1].product, DequantizingProduct)


def test_odd_widths_are_left_to_torch():
    assert isinstance(factory(None).linear([torch.randn(8, 18)]), ComposedLinear)


@pytest.mark.parametrize("scheme", [None, *SCHEMES])
@pytest.mark.parametrize("num_elements", [10, 10**9])
def test_every_way_gives_the_product_with_the_dequantised_weight(backend, scheme, num_elements):
    weight, x, bias = torch.randn(24, 64), torch.randn(3, 64), torch.randn(24)
    kept = weight if scheme is None else SCHEMES[scheme].quantize(weight).dequantize().float()
    y = factory(scheme, num_elements).linear([weight[:8], weight[8:]], bias)(x)
    torch.testing.assert_close(y, x @ kept.T + bias, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_triton_runs_what_is_stored(triton_device, scheme):
    """Eight bits and four, with the output matrix's eight; nothing is unpacked for being small."""
    weight, x, bias = torch.randn(24, 64), torch.randn(3, 64), torch.randn(24)
    linears = LinearFactory(scheme, dtype=torch.float32, device=triton_device, num_elements=10)
    made = {
        SCHEMES[scheme]: linears.linear([weight[:8], weight[8:]], bias),
        OUTPUT_SCHEMES[scheme]: linears.output(weight, bias),
    }
    for kind, linear in made.items():
        assert type(linear.product).__module__ == "models.quantization.triton_product"
        kept = kind.quantize(weight)
        if scheme == "float8":  # dequantised it would be rounded to bf16
            kept = kept.data.float() * kept.scale[:, None]
        else:
            kept = kept.dequantize()
        y = linear(x.to(triton_device)).cpu()
        torch.testing.assert_close(y, x @ kept.T + bias, atol=1e-4, rtol=1e-4)


def test_triton_leaves_odd_groups_to_torch(triton_device):
    weight, x = torch.randn(24, 33), torch.randn(3, 33)
    linears = LinearFactory("int4", dtype=torch.float32, device=triton_device, num_elements=10)
    y = linears.linear([weight])(x.to(triton_device)).cpu()
    expected = x @ Int4Weight.quantize(weight).dequantize().T
    torch.testing.assert_close(y, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("quantization", "message"),
    [
        ("int8", "needs quantization='float8', which is 'int8'"),
        ("float8", "the device is cpu"),
    ],
)
def test_float8_activations_are_refused_where_nothing_multiplies_them(quantization, message):
    with pytest.raises(QuantizationError, match=message):
        LinearFactory(
            quantization, dtype=torch.bfloat16, device=CPU, num_elements=1, activations="float8"
        )


def test_gated(backend):
    weight, x, bias = torch.randn(2 * 24, 64), torch.randn(3, 64), torch.randn(48)
    gate, up = (x @ weight.T + bias).chunk(2, dim=-1)
    y = factory(None).linear([weight], bias, activation="silu")(x)
    torch.testing.assert_close(y, torch.nn.functional.silu(gate) * up, atol=1e-4, rtol=1e-4)


def test_the_output_matrix_keeps_eight_bits(backend):
    weight, x = torch.randn(24, 64), torch.randn(3, 64)
    expected = x @ Int8Weight.quantize(weight).dequantize().T
    torch.testing.assert_close(factory("int4").output(weight)(x), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("scheme", [Int8Weight, Int4Weight])
def test_stored_quantised_is_run_without_being_asked_for(backend, scheme):
    stored, x = scheme.quantize(torch.randn(8, 16)), torch.randn(3, 16)
    y = factory(None).linear([stored])(x)
    torch.testing.assert_close(y, x @ stored.dequantize().T, atol=1e-5, rtol=1e-5)


def test_parts_quantised_and_not_are_fused_in_float(backend):
    floats, stored = torch.randn(8, 16), Int8Weight.quantize(torch.randn(4, 16))
    x = torch.randn(3, 16)
    expected = x @ torch.cat([floats, stored.dequantize()]).T
    torch.testing.assert_close(
        factory(None).linear([floats, stored])(x), expected, atol=1e-5, rtol=1e-5
    )


def test_bf16_weights_stay_bf16():
    weight, x = torch.randn(24, 64).bfloat16(), torch.randn(3, 64)
    torch.testing.assert_close(
        factory(None).linear([weight])(x), x @ weight.float().T, atol=1e-4, rtol=1e-4
    )
