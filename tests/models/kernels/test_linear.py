"""The packed product against float64, and against itself in other batches and on other paths."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from models.kernels.library import is_loaded, multiplies_bytes
from models.kernels.packed_weight import PANEL, pack_float, pad_rows
from models.layers.norm import RMSNorm
from models.layers.packed_linear import _ACTIVATIONS, PackedLinear, interleave_gate
from models.quantization.int4_weight import Int4Weight
from models.quantization.int8_weight import Int8Weight

FORMATS = ("float32", "bfloat16", "int8", "int4")
DIRECT, BLOCKED = 10**6, 0


def packed(name, weight):
    """(PackedWeight, what it holds as float64)"""
    if name in ("int8", "int4"):
        quantized = (Int8Weight if name == "int8" else Int4Weight).quantize(weight)
        return quantized.pack(), quantized.dequantize().double()
    kept = weight.to(getattr(torch, name))
    return pack_float(kept), kept.double()


def product(weight, x, out_features, max_direct_rows, bias=None, residual=None):
    return torch.ops.kamado.linear(
        x, weight.words, weight.scale, weight.shift, bias, residual, None, 0.0,
        weight.format, 0, out_features, max_direct_rows,
    )  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("out_features", "in_features"), [(1, 8), (100, 256), (64, 1024), (96, 1152)]
)
def test_equals_the_product_in_float64(instruction_set, name, out_features, in_features):
    weight, kept = packed(name, torch.randn(out_features, in_features))
    x, bias, residual = (
        torch.randn(27, in_features),
        torch.randn(out_features),
        torch.randn(27, out_features),
    )
    expected = x.double() @ kept.T + bias + residual
    y = product(weight, x, out_features, DIRECT, pad_rows(bias, PANEL), residual)
    # As many roundings as a chain of additions has, at most.
    magnitude = (x.double().abs() @ kept.abs().T + bias.abs() + residual.abs()).max()
    assert (y - expected).abs().max() < magnitude * 2**-24 * (8 + in_features**0.5)


@pytest.mark.parametrize("name", FORMATS)
def test_both_paths_and_every_batch_give_the_same_bits(instruction_set, name):
    weight, _ = packed(name, torch.randn(200, 1152))
    x = torch.randn(31, 1152)
    whole = product(weight, x, 200, DIRECT)
    assert torch.equal(product(weight, x, 200, BLOCKED), whole)
    for size in (1, 2, 3, 4, 5, 12, 13, 30):
        for path in (DIRECT, BLOCKED):
            assert torch.equal(product(weight, x[:size], 200, path), whole[:size])
            assert torch.equal(product(weight, x[-size:], 200, path), whole[-size:])


@pytest.mark.parametrize("num_threads", [1, 2])
def test_threads_change_no_bit(num_threads):
    assert is_loaded()
    weight, _ = packed("int8", torch.randn(300, 512))
    x = torch.randn(70, 512)
    alone = product(weight, x, 300, DIRECT)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(num_threads)
        assert torch.equal(product(weight, x, 300, DIRECT), alone)
        assert torch.equal(product(weight, x, 300, BLOCKED), alone)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("activation", ["silu", "gelu", "gelu_pytorch_tanh"])
@pytest.mark.parametrize("out_features", [48, 50])
def test_gate(instruction_set, activation, out_features):
    functions = {
        "silu": F.silu,
        "gelu": F.gelu,
        "gelu_pytorch_tanh": lambda x: F.gelu(x, approximate="tanh"),
    }
    weight, bias = torch.randn(2 * out_features, 64), torch.randn(2 * out_features)
    x = torch.randn(9, 64)
    gate, up = (x.double() @ weight.double().T + bias).chunk(2, dim=-1)
    linear = PackedLinear(
        pack_float(interleave_gate(weight)), out_features, interleave_gate(bias), activation
    )
    expected = (functions[activation](gate) * up).float()
    # A gate near 0 may be off by some ulp of its product's terms, and is then multiplied by up.
    torch.testing.assert_close(linear(x), expected, atol=2e-4, rtol=2e-5)


@pytest.mark.parametrize("size", [8, 40, 1024])
def test_norm_before_the_product(instruction_set, size):
    weight, x, norm = torch.randn(32, size), torch.randn(5, size), RMSNorm(torch.randn(size), 1e-5)
    expected = (norm(x.double()).double() @ weight.double().T).float()
    y = PackedLinear(pack_float(weight), 32)(x, norm=norm)
    torch.testing.assert_close(y, expected, atol=1e-4, rtol=1e-4)


def test_strided_rows(instruction_set):
    weight, kept = packed("int8", torch.randn(64, 512))
    x = torch.randn(20, 2048)[:, 512:1024]  # 8 KB apart
    torch.testing.assert_close(
        product(weight, x, 64, DIRECT), (x.double() @ kept.T).float(), atol=1e-3, rtol=1e-4
    )


def test_no_rows(instruction_set):
    weight, _ = packed("int8", torch.randn(64, 512))
    assert product(weight, torch.empty(0, 512), 64, DIRECT).shape == (0, 64)


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(FORMATS),
    out_features=st.integers(1, 150),
    words=st.integers(1, 90),
    rows=st.integers(1, 40),
    path=st.sampled_from((DIRECT, BLOCKED)),
    seed=st.integers(0, 1000),
)
def test_any_shape(name, out_features, words, rows, path, seed):
    assert is_loaded()
    torch.manual_seed(seed)
    in_features = words * 8
    if name == "int4":
        in_features = max(1, words // 8) * 128
    weight, kept = packed(name, torch.randn(out_features, in_features))
    x = torch.randn(rows, in_features)
    expected = (x.double() @ kept.T).float()
    torch.testing.assert_close(
        product(weight, x, out_features, path), expected, atol=1e-3, rtol=1e-4
    )


@pytest.mark.parametrize("name", FORMATS)
def test_the_operator_is_well_formed(name):
    assert is_loaded()
    weight, _ = packed(name, torch.randn(64, 128))
    arguments = (
        torch.randn(3, 128), weight.words, weight.scale, weight.shift, None, None, None, 0.0,
        int(weight.format), _ACTIVATIONS[None], 64, DIRECT,
    )  # fmt: skip
    torch.library.opcheck(torch.ops.kamado.linear.default, arguments)


def test_wrong_arguments_are_refused():
    assert is_loaded()
    weight, _ = packed("int8", torch.randn(64, 128))
    with pytest.raises(RuntimeError, match="x has 120 columns, the weight 128"):
        product(weight, torch.randn(2, 120), 64, DIRECT)
    with pytest.raises(RuntimeError, match="residual is shaped as the result"):
        product(weight, torch.randn(2, 128), 64, DIRECT, residual=torch.randn(2, 63))


@pytest.fixture
def byte_kernels():
    if not multiplies_bytes():
        pytest.skip("this machine does not multiply bytes")


def byte_product(weight, x, out_features):
    return torch.ops.kamado.linear(
        x, weight.words, weight.scale, weight.shift, None, None, None, 0.0,
        weight.format, 0, out_features, DIRECT, True,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["int8", "int4"])
@pytest.mark.parametrize("in_features", [64, 256, 1152])
def test_rounded_inputs_give_the_product_with_rounded_inputs(byte_kernels, name, in_features):
    weight, kept = packed(name, torch.randn(70, in_features))
    x = torch.randn(29, in_features)
    groups = x.view(29, -1, min(128, in_features))
    scale = groups.abs().amax(-1, keepdim=True) / 127
    rounded = ((groups / scale).round() * scale).view_as(x)
    expected = (rounded.double() @ kept.T).float()
    y = byte_product(weight, x, 70)
    # A quotient that falls on a half may be rounded either way.
    assert (y - expected).abs().mean() < 1e-4 * expected.abs().mean()
    for size in (1, 2, 3, 7, 13, 28):
        assert torch.equal(byte_product(weight, x[:size], 70), y[:size])


def test_rounded_inputs_keep_zeros_and_nan(byte_kernels):
    weight, _ = packed("int8", torch.randn(40, 256))
    x = torch.zeros(3, 256)
    x[1, 7], x[2, 9] = torch.nan, torch.inf
    y = byte_product(weight, x, 40)
    assert torch.equal(y[0], torch.zeros(40))
    assert not y[1].isfinite().any()
    assert not y[2].isfinite().any()


def test_floats_are_not_multiplied_as_bytes(byte_kernels):
    weight, _ = packed("bfloat16", torch.randn(40, 256))
    with pytest.raises(RuntimeError, match="only with int8 or int4 weights"):
        byte_product(weight, torch.randn(3, 256), 40)
