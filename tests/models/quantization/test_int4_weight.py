import pytest
import torch
from optimum.quanto import MaxOptimizer, qint4, quantize_weight

from models.quantization.int4_weight import Int4Weight, group_size_of


@pytest.fixture(params=[96, 256, 320])
def weight(request):
    return torch.randn(48, request.param, generator=torch.Generator().manual_seed(0))


def test_same_bits_as_quanto(weight):
    group_size = group_size_of(weight.shape[1])
    scale, shift = MaxOptimizer()(weight, qint4, 0, group_size)
    reference = quantize_weight(weight, qint4, 0, scale, shift, group_size, optimized=False)
    quantized = Int4Weight.quantize(weight)
    assert torch.equal(quantized.data.view(-1, group_size), reference._data.unpack())
    assert torch.equal(quantized.scale.view(-1, 1), reference._scale)
    assert torch.equal(quantized.shift.view(-1, 1), reference._shift)
    assert torch.equal(quantized.dequantize(), reference.dequantize())


def test_group_of_equal_weights_keeps_its_value(weight):
    weight[3, :64] = 0.5
    weight[3, 64:] = 0.5
    torch.testing.assert_close(Int4Weight.quantize(weight).dequantize()[3], weight[3])


def test_stacked_parts_equal_the_stacked_matrix(weight):
    parts = [Int4Weight.quantize(part) for part in weight.split([8, 16, 24])]
    stacked, whole = Int4Weight.stack(parts), Int4Weight.quantize(weight)
    assert torch.equal(stacked.dequantize(), whole.dequantize())
