"""Stores a model's matrices in a recipe's schemes, in optimum-quanto's layout.

Weights pass through tensor by tensor: memory is bounded by the largest of them, whatever the size
of the model. All schemes here take their scales from the weights alone, so nothing is calibrated.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch

from models.architectures.linear_shapes import HEAD, linear_shapes
from models.architectures.loading import read_spec
from models.architectures.stored_tensor import tensor_digest
from models.architectures.weight_files import INDEX_FILE, SINGLE_FILE
from models.quantization.int4_weight import Int4Weight
from models.quantization.int8_weight import Int8Weight
from models.quantization.quanto_format import QMAP_FILE, stored_tensors
from models.workshop.peak_memory import PeakMemory
from models.workshop.progress import track
from models.workshop.recipe import Recipe, Scheme
from models.workshop.shard_writer import ShardWriter, TensorSpec
from models.workshop.side_files import copy_side_files
from models.workshop.sources.opening import open_source
from models.workshop.sources.weight_source import WeightSource
from models.workshop.stored_form import QTYPES, StoredForm

MAX_SHARD_BYTES = 2 * 2**30
_EMBEDDING = "model.embed_tokens"


@dataclass(frozen=True, slots=True)
class StoredModel:
    """What `quantize` wrote."""

    digests: dict[str, str]
    """Of every tensor; see `checkpoint.tensor_digest`."""
    forms: dict[str, StoredForm]
    """Of every matrix, the head included."""
    peak_bytes: int
    """By which memory grew while tensors were quantised and written."""


@dataclass(frozen=True, slots=True)
class _Item:
    """A matrix to be quantised, or a tensor to be copied, and what it becomes."""

    name: str
    outputs: dict[str, TensorSpec]
    form: StoredForm | None = None
    """None: a copy."""

    @property
    def num_bytes(self) -> int:
        return sum(spec.num_bytes for spec in self.outputs.values())


def quantize(
    original: Path, recipe: Recipe, target: Path, *, max_shard_bytes: int = MAX_SHARD_BYTES
) -> StoredModel:
    """Write into the existing folder `target`; shards that a run before has finished there stay.
    Raises ModelError for what cannot be read or stored."""
    source = open_source(original)
    copy_side_files(original, target)
    spec = read_spec(target)
    shapes = linear_shapes(spec)
    recipe.check_patterns(list(shapes))
    forms = {
        module: source.form(module, shape) or StoredForm.of(recipe, module, shape)
        for module, shape in shapes.items()
    }
    writer = _Writer(source, shapes, forms, ties_head=spec.ties_embeddings)
    shards = list(_shards(writer.items(), max_shard_bytes))
    digests: dict[str, str] = {}
    with_bar = track([item for shard in shards for item in shard], "quantising ...")
    for number, shard in enumerate(shards, 1):
        path = target / _shard_name(number, len(shards))
        digests |= writer.write(path, shard, with_bar)
    _write_index(target, shards)
    qmap = {
        module: {"weights": QTYPES[form.scheme], "activations": "none"}
        for module, form in forms.items()
        if form.scheme is not Scheme.NONE
    }
    (target / QMAP_FILE).write_text(json.dumps(qmap, indent=2) + "\n", encoding="utf-8")
    return StoredModel(digests, forms, writer.memory.num_bytes)


class _Writer:
    def __init__(
        self,
        source: WeightSource,
        shapes: dict[str, tuple[int, int]],
        forms: dict[str, StoredForm],
        *,
        ties_head: bool,
    ) -> None:
        self._source = source
        self._shapes = shapes
        self._forms = forms
        self._ties_head = ties_head
        self.memory = PeakMemory()

    def items(self) -> list[_Item]:
        """Matrices in the order of the network, then every other tensor."""
        items, replaced = [], set[str]()
        for module, form in self._forms.items():
            if form.scheme is not Scheme.NONE:
                items.append(_Item(module, form.specs(module, self._shapes[module]), form))
                replaced.update(self._source.tensors(module))
        checkpoint = self._source.checkpoint
        copies = (name for name in checkpoint if name not in replaced)
        return items + [
            _Item(name, {name: TensorSpec(checkpoint.dtype(name), checkpoint.shape(name))})
            for name in copies
        ]

    def write(self, path: Path, shard: list[_Item], steps: Iterator[_Item]) -> dict[str, str]:
        """Digests of the shard's tensors. `steps` yields the shard's items next, with a bar."""
        done = path.with_name(f".{path.name}.digests")
        if path.is_file() and done.is_file():
            digests: dict[str, str] = json.loads(done.read_bytes())
            for _ in islice(steps, len(shard)):
                pass
            return digests
        digests = {}
        specs = {name: spec for item in shard for name, spec in item.outputs.items()}
        with ShardWriter(path, specs) as file:
            for item in islice(steps, len(shard)):
                for name, tensor in self._tensors(item).items():
                    file.write(name, tensor)
                    digests[name] = tensor_digest(tensor)
                    self.memory.look()
        done.write_text(json.dumps(digests), encoding="utf-8")
        return digests

    def _tensors(self, item: _Item) -> dict[str, torch.Tensor]:
        if item.form is None:
            return {item.name: self._source.checkpoint.read(item.name)}
        # A tied head has no weight of its own.
        is_tied = item.name == HEAD and self._ties_head
        module = _EMBEDDING if is_tied else item.name
        weight = self._source.weight(module, self._shapes[item.name])
        if not isinstance(weight, Int8Weight | Int4Weight):
            return stored_tensors(item.name, item.form.quantize(weight))
        return stored_tensors(item.name, weight)


def _shards(items: list[_Item], max_bytes: int) -> Iterator[list[_Item]]:
    shard: list[_Item] = []
    num_bytes = 0
    for item in items:
        if shard and num_bytes + item.num_bytes > max_bytes:
            yield shard
            shard, num_bytes = [], 0
        shard.append(item)
        num_bytes += item.num_bytes
    yield shard


def _shard_name(number: int, count: int) -> str:
    return SINGLE_FILE if count == 1 else f"model-{number:05}-of-{count:05}.safetensors"


def _write_index(target: Path, shards: list[list[_Item]]) -> None:
    """And drop what a resumption would have needed."""
    for path in target.glob(".*.digests"):
        path.unlink()
    if len(shards) == 1:
        return
    places = {
        name: _shard_name(number, len(shards))
        for number, shard in enumerate(shards, 1)
        for item in shard
        for name in item.outputs
    }
    total = sum(item.num_bytes for shard in shards for item in shard)
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (target / INDEX_FILE).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
