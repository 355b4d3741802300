import pytest
import torch

from models.errors import QuantizationError
from models.layers.linear import FloatLinear
from models.quantization.int8_linear import Int8Linear
from models.quantization.int8_weight import Int8Weight
from models.quantization.linear_factory import LinearFactory


def factory(quantization, num_elements=10**9):
    return LinearFactory(
        quantization,
        dtype=torch.float32,
        device=torch.device("cpu"),
        num_elements=num_elements,
    )


def test_unknown_scheme_is_refused_with_the_known_ones():
    with pytest.raises(QuantizationError, match="'int3' does not exist; choose one of int8"):
        factory("int3")


def test_scheme_decides_the_linear():
    weight = torch.randn(8, 16)
    assert isinstance(factory(None).quantized([weight]), FloatLinear)
    assert isinstance(factory("int8").quantized([weight]), Int8Linear)
    assert isinstance(factory("int8").plain([weight]), FloatLinear)


def test_stored_int8_is_run_without_being_asked_for():
    stored = Int8Weight.quantize(torch.randn(8, 16))
    assert isinstance(factory(None).quantized([stored]), Int8Linear)


def test_parts_quantised_and_not_are_fused_in_float():
    floats, stored = torch.randn(8, 16), Int8Weight.quantize(torch.randn(4, 16))
    fused = factory(None).quantized([floats, stored])
    x = torch.randn(3, 16)
    expected = x @ torch.cat([floats, stored.dequantize()]).T
    torch.testing.assert_close(fused(x), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("num_elements", [10, 10**9])
def test_small_models_give_the_same_unpacked(num_elements):
    weight, x = torch.randn(8, 16), torch.randn(3, 16)
    y = factory("int8", num_elements).quantized([weight])(x)
    expected = x @ Int8Weight.quantize(weight).dequantize().T
    torch.testing.assert_close(y, expected, atol=1e-5, rtol=1e-5)
