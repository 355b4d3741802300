"""What is planned is what is there: the bytes of all tensors that a loaded model holds."""

import gc

import pytest
import torch

from models.architectures.checkpoint import Checkpoint
from models.architectures.loading import load_causal_lm, read_spec
from models.store import BUNDLED_MODELS
from models.workshop.quantize import quantize
from models.workshop.resident import resident_bytes
from models.workshop.weights_memory import weights_in_memory

LARGE_PAGE = 2 << 20
"""Of the arena of weights; a part of one may be there before."""


def held_bytes(model):
    """Of every tensor that the model leads to, each once."""
    seen, sizes, left = set(), {}, [model]
    while left:
        thing = left.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, torch.Tensor):
            # what oneDNN has packed has no address to ask for, and is shared by nobody
            place = id(thing) if thing.is_mkldnn else thing.data_ptr()
            sizes[place] = thing.numel() * thing.itemsize
        elif isinstance(thing, list | tuple | dict) or type(thing).__module__.startswith("models."):
            left += gc.get_referents(thing)
    return sum(sizes.values())


@pytest.mark.parametrize("at_load", [None, "int8", "int4"])
def test_quantised_at_load(tiny, backend, at_load):
    planned = weights_in_memory(read_spec(tiny), Checkpoint(tiny), at_load)
    model = load_causal_lm(tiny, quantization=at_load)
    assert planned == pytest.approx(held_bytes(model), rel=0.1)


@pytest.mark.parametrize(
    ("weights", "modules"),
    [
        ("qint8", {}),
        ("qint4", {}),
        ("qfloat8", {}),
        ("qint4", {"*.q_proj": "qint8", "*.down_proj": "none"}),
    ],
)
def test_stored_quantised(tiny, backend, recipe, tmp_path, weights, modules):
    quantize(tiny, recipe(weights, modules=modules, head="qint8"), tmp_path)
    planned = weights_in_memory(read_spec(tmp_path), Checkpoint(tmp_path), None)
    model = load_causal_lm(tmp_path, quantization=None)
    assert planned == pytest.approx(held_bytes(model), rel=0.1)


def test_a_process_grows_by_as_much():
    folder = BUNDLED_MODELS["pocket"]
    planned = weights_in_memory(read_spec(folder), Checkpoint(folder), "int8")
    resident = resident_bytes(folder, "int8")
    assert planned == pytest.approx(resident, abs=0.15 * resident + LARGE_PAGE)
