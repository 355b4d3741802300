import pytest
import torch
from safetensors.torch import load_file

from models.workshop.shard_writer import ShardWriter, TensorSpec

TENSORS = {
    "bytes": torch.arange(3, dtype=torch.int8),
    "scale": torch.randn(5, 1),
    "half": torch.randn(2, 3).bfloat16(),
    "float8": torch.randn(7).to(torch.float8_e4m3fn),
    "none": torch.zeros(0, 4),
    "one": torch.tensor(2.5),
}
DTYPES = dict(zip(TENSORS, ("I8", "F32", "BF16", "F8_E4M3", "F32", "F32"), strict=True))
SPECS = {name: TensorSpec(DTYPES[name], tuple(t.shape)) for name, t in TENSORS.items()}


def test_safetensors_reads_what_was_written_in_any_order(tmp_path):
    path = tmp_path / "model.safetensors"
    with ShardWriter(path, SPECS) as shard:
        for name in reversed(TENSORS):
            shard.write(name, TENSORS[name])
        assert not path.exists(), "a file that is not complete has no name"
    found = load_file(path)
    assert found.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name].float(), tensor.float())


def interrupted(path):
    with ShardWriter(path, SPECS) as shard:
        shard.write("one", TENSORS["one"])
        raise KeyboardInterrupt


def test_an_interruption_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "a")
    assert not list(tmp_path.iterdir())
