"""Weights that other tools have quantised, packed here as those tools' formats are described, come
through number by number."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from models.architectures.checkpoint import Checkpoint
from models.architectures.loading import load_causal_lm
from models.errors import QuantizationError
from models.quantization.quanto_format import read_quantized
from models.workshop.quantize import quantize

GROUP = 32
MODULE = "model.layers.1.mlp.down_proj"


def pack(numbers, dim, order=range(8)):
    """numbers from 0 to 15 -> int32 words of eight along `dim`, the one at order[0] lowest."""
    numbers = numbers.movedim(dim, -1).long()
    eights = numbers.reshape(*numbers.shape[:-1], -1, 8)
    words = sum(eights[..., place] << 4 * i for i, place in enumerate(order))
    signed = torch.where(words >= 2**31, words - 2**32, words)
    return signed.to(torch.int32).movedim(-1, dim).contiguous()


def weights(shape, seed):
    """Random q [out, in], zero and scale [out, groups] of a matrix."""
    random = torch.Generator().manual_seed(seed)
    out, inputs = shape
    q = torch.randint(0, 16, shape, generator=random)
    zero = torch.randint(1, 16, (out, inputs // GROUP), generator=random)
    scale = torch.rand(out, inputs // GROUP, generator=random) * 0.01 + 0.001
    return q, zero, scale


def gptq(q, zero, scale):
    return {"qweight": pack(q.T, 0), "qzeros": pack(zero.T - 1, 1), "scales": scale.T.contiguous()}


def awq(q, zero, scale):
    order = (0, 2, 4, 6, 1, 3, 5, 7)
    return {
        "qweight": pack(q.T, 1, order),
        "qzeros": pack(zero.T, 1, order),
        "scales": scale.T.contiguous(),
    }


def compressed(q, zero, scale):
    return {
        "weight_packed": pack(q, 1),
        "weight_zero_point": pack(zero, 0),
        "weight_scale": scale,
        "weight_shape": torch.tensor(q.shape),
    }


GROUPS = {
    "g": {"weights": {"num_bits": 4, "strategy": "group", "group_size": GROUP, "symmetric": False}}
}
FORMATS = {
    "gptq": (gptq, {"quant_method": "gptq", "bits": 4, "group_size": GROUP}),
    "awq": (awq, {"quant_method": "awq", "bits": 4, "group_size": GROUP, "version": "gemm"}),
    "compressed-tensors": (
        compressed,
        {
            "quant_method": "compressed-tensors",
            "format": "pack-quantized",
            "config_groups": GROUPS,
        },
    ),
}


@pytest.fixture
def convert(tiny, tmp_path):
    """A copy of the tiny model with its layers' matrices replaced, and what was put there."""

    def convert(config, replace):
        folder = tmp_path / "theirs"
        folder.mkdir()
        tensors = load_file(tiny / "model.safetensors")
        put = {}
        for seed, name in enumerate(sorted(tensors)):
            module = name.removesuffix(".weight")
            if name.endswith("_proj.weight"):
                stored, put[module] = replace(tensors.pop(name), seed)
                tensors |= {f"{module}.{part}": tensor for part, tensor in stored.items()}
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        fields = json.loads((tiny / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(fields | {"quantization_config": config}))
        return folder, put

    return convert


@pytest.mark.parametrize("method", FORMATS)
def test_four_bits_come_through(method, convert, tmp_path, recipe):
    write, config = FORMATS[method]

    def replace(weight, seed):
        q, zero, scale = weights(weight.shape, seed)
        plain = (q.view(*scale.shape, -1) - zero[..., None]) * scale[..., None]
        return write(q, zero, scale), plain.view(q.shape)

    folder, put = convert(config, replace)
    (tmp_path / "ours").mkdir()
    quantize(folder, recipe("qint8"), tmp_path / "ours")
    checkpoint = Checkpoint(tmp_path / "ours")
    for module, expected in put.items():
        found = read_quantized(checkpoint, module, tuple(expected.shape))
        torch.testing.assert_close(found.dequantize(), expected, atol=1e-6, rtol=1e-5)
    load_causal_lm(tmp_path / "ours", quantization=None)
    assert "quantization_config" not in json.loads((tmp_path / "ours/config.json").read_text())


def test_eight_bits_per_row_come_through(convert, tmp_path, recipe):
    def replace(weight, seed):
        random = torch.Generator().manual_seed(seed)
        data = torch.randint(-127, 128, weight.shape, generator=random).to(torch.int8)
        scale = torch.rand(len(weight), 1, generator=random) * 0.01
        return {"weight": data, "weight_scale": scale}, data * scale

    config = {
        "quant_method": "compressed-tensors",
        "format": "int-quantized",
        "config_groups": {"g": {"weights": {"num_bits": 8, "strategy": "channel"}}},
    }
    folder, put = convert(config, replace)
    (tmp_path / "ours").mkdir()
    quantize(folder, recipe("qint4"), tmp_path / "ours")
    checkpoint = Checkpoint(tmp_path / "ours")
    for module, expected in put.items():
        found = read_quantized(checkpoint, module, tuple(expected.shape))
        assert torch.equal(found.dequantize(), expected)
    load_causal_lm(tmp_path / "ours", quantization=None)


def test_scattered_groups_are_refused_by_name(convert, tmp_path, recipe):
    def replace(weight, seed):
        order = torch.randperm(weight.shape[1]) % (weight.shape[1] // GROUP)
        return gptq(*weights(weight.shape, seed)) | {"g_idx": order.int()}, None

    folder, _ = convert(FORMATS["gptq"][1], replace)
    with pytest.raises(QuantizationError, match="was quantised by GPTQ with desc_act"):
        quantize(folder, recipe("qint4"), tmp_path)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"quant_method": "bitsandbytes"}, "quantised by bitsandbytes; of gptq, awq, compressed"),
        ({"quant_method": "gptq", "bits": 3}, "GPTQ weights of 3 bits"),
        ({"quant_method": "awq", "bits": 4, "version": "gemv"}, "in the layout gemv"),
        (
            {
                "quant_method": "compressed-tensors",
                "format": "float-quantized",
                "config_groups": {"g": {"weights": {"num_bits": 8, "strategy": "channel"}}},
            },
            "the format float-quantized, 8 bits per channel cannot be taken over",
        ),
    ],
)
def test_other_formats_are_refused_by_name(config, message, convert, tmp_path, recipe):
    folder, _ = convert(config, lambda weight, seed: ({"weight": weight}, None))
    with pytest.raises(QuantizationError, match=message):
        quantize(folder, recipe("qint4"), tmp_path)
