"""Digests before torch: the same ones, and nothing but a hint of what can be read."""

import subprocess
import sys
import threading

import pytest
import torch
from safetensors.torch import save_file

from models.architectures.checkpoint import Checkpoint
from models.architectures.early_digests import EarlyDigests
from models.architectures.stored_tensor import StoredTensor, stored_tensors, tensor_digest
from models.architectures.weight_files import SINGLE_FILE
from models.errors import CardError

TENSORS = {
    "bf16": torch.randn(3, 5).bfloat16(),
    "bool": torch.tensor([True, False]),
    "empty": torch.zeros(0, 4),
    "float8": torch.randn(2, 8).to(torch.float8_e4m3fn),
    "fp32": torch.randn(7),
    "int8": torch.arange(6, dtype=torch.int8).view(2, 3),
    "scalar": torch.tensor(1.5),
}


@pytest.fixture
def folder(tmp_path):
    save_file(TENSORS, tmp_path / SINGLE_FILE)
    return tmp_path


@pytest.fixture
def digests():
    return {name: tensor_digest(tensor) for name, tensor in TENSORS.items()}


def test_they_are_those_of_the_tensors(folder, digests):
    stored = stored_tensors(folder / SINGLE_FILE)
    assert {name: one.digest() for name, one in stored.items()} == digests
    early = EarlyDigests(folder)
    assert {early.take(one) for one in stored.values()} <= {*digests.values(), None}


def test_a_checkpoint_takes_those_that_are_there(folder, digests, monkeypatch):
    early = EarlyDigests(folder)
    for future in early._futures.values():
        future.result()
    monkeypatch.setattr("models.architectures.checkpoint.tensor_digest", None)
    checkpoint = Checkpoint(folder, digests, early)
    for name, tensor in TENSORS.items():
        assert torch.equal(checkpoint.read(name).float(), tensor.float())
    with pytest.raises(CardError, match="tensor fp32 is not the one"):
        Checkpoint(folder, digests | {"fp32": "0"}, early).read("fp32")


def test_what_is_still_to_come_is_the_callers(folder, monkeypatch):
    has_begun, may_end = threading.Event(), threading.Event()
    computed = []

    def digest(stored):
        computed.append(stored)
        has_begun.set()
        may_end.wait()
        return "first"

    monkeypatch.setattr(StoredTensor, "digest", digest)
    early = EarlyDigests(folder)
    has_begun.wait()
    first, *others = stored_tensors(folder / SINGLE_FILE).values()
    assert [early.take(stored) for stored in others] == [None] * len(others)
    may_end.set()
    assert early.take(first) == "first"
    assert computed == [first]


def test_a_folder_that_cannot_be_read_has_none(folder, tmp_path):
    stored = stored_tensors(folder / SINGLE_FILE)
    (folder / SINGLE_FILE).write_bytes(b"short")
    assert EarlyDigests(folder).take(stored["fp32"]) is None
    assert EarlyDigests(tmp_path / "nowhere").take(stored["fp32"]) is None


def test_they_need_no_torch():
    code = "import sys, models.architectures.early_digests; print('torch' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "False\n"
