import pytest
import torch
from optimum.quanto import AbsmaxOptimizer, qint8, quantize_weight

from models.quantization.int8_weight import Int8Weight


@pytest.fixture
def weight():
    return torch.randn(48, 96, generator=torch.Generator().manual_seed(0))


def test_same_bits_as_quanto(weight):
    scale = AbsmaxOptimizer()(weight, qint8, 0)
    reference = quantize_weight(weight, qint8, 0, scale)
    quantized = Int8Weight.quantize(weight)
    assert torch.equal(quantized.data, reference._data)
    assert torch.equal(quantized.scale, reference._scale[:, 0])
    assert torch.equal(quantized.dequantize(), reference.dequantize())


def test_error_is_at_most_half_a_step(weight):
    quantized = Int8Weight.quantize(weight)
    error = (quantized.dequantize() - weight).abs()
    assert (error <= quantized.scale[:, None] * 0.5001).all()


def test_row_of_zeros_stays_zero(weight):
    weight[3] = 0
    assert torch.equal(Int8Weight.quantize(weight).dequantize()[3], torch.zeros(96))


def test_stacked_parts_equal_the_stacked_matrix(weight):
    parts = [Int8Weight.quantize(part) for part in weight.split([8, 16, 24])]
    stacked, whole = Int8Weight.stack(parts), Int8Weight.quantize(weight)
    assert torch.equal(stacked.data, whole.data)
    assert torch.equal(stacked.scale, whole.scale)
