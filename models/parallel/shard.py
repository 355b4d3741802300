"""Which part of a decoder's matrices one rank holds (Shoeybi et al. 2019, section 3).

Heads are divided, and with them the rows of queries, keys and values and the inputs of the matrix
after attention; the feed-forward network's inner features, and with them the rows of gate and up
and the inputs of down; and the vocabulary. What remains whole is small: norms, and biases of sums.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from models.architectures.decoder_spec import DecoderSpec
from models.errors import ParallelError, QuantizationError
from models.parallel.ranks import Ranks
from models.quantization.float8_weight import Float8Weight
from models.quantization.int4_weight import Int4Weight, group_size_of
from models.quantization.int8_weight import Int8Weight

_FEATURES = 32
"""Inner features are divided at multiples of this where the groups of int4 do not ask for more: the
kernels' panels stay whole."""


class Shard:
    """Rank `ranks.rank`'s part of the network that `spec` describes."""

    def __init__(self, spec: DecoderSpec, ranks: Ranks) -> None:
        """Raises ParallelError where heads or features cannot be divided among so many."""
        _check_heads(spec, ranks.size)
        self.ranks = ranks
        kv_heads = _share(spec.num_kv_heads, ranks)
        heads_per_kv = spec.num_heads // spec.num_kv_heads
        heads = slice(kv_heads.start * heads_per_kv, kv_heads.stop * heads_per_kv)
        queries, keys = _times(heads, spec.head_dim), _times(kv_heads, spec.head_dim)
        features = _features(spec.intermediate_size, ranks)
        vocabulary_share = -(-spec.vocab_size // ranks.size)
        self.spec = replace(
            spec,
            num_heads=heads.stop - heads.start,
            num_kv_heads=kv_heads.stop - kv_heads.start,
            intermediate_size=features.stop - features.start,
        )
        """The network as attention finds it here: this rank's heads and features."""
        self.vocabulary = slice(
            min(vocabulary_share * ranks.rank, spec.vocab_size),
            min(vocabulary_share * (ranks.rank + 1), spec.vocab_size),
        )
        self._inputs = {spec.names.attention_output: queries, spec.names.down: features}
        query_size, kv_size = spec.num_heads * spec.head_dim, spec.num_kv_heads * spec.head_dim
        self._rows = _rows(spec.names.qkv, [query_size, kv_size, kv_size], [queries, keys, keys])
        sizes = [spec.intermediate_size] * 2
        self._rows |= _rows(spec.names.gate_up, sizes, [features, features])

    def rows(self, module: str) -> Callable[[torch.Tensor], torch.Tensor]:
        """Takes this rank's rows of a tensor [out_features, ...] of `module`, named as in the spec;
        a view where they lie together."""
        slices = self._rows[module]
        if len(slices) == 1:
            return lambda whole: whole[slices[0]]
        return lambda whole: torch.cat([whole[rows] for rows in slices])

    def vocabulary_rows(self, whole: torch.Tensor) -> torch.Tensor:
        """This rank's rows of a tensor [vocab_size, ...]: a view."""
        return whole[self.vocabulary]

    def inputs(
        self, module: str, weight: torch.Tensor | Int8Weight | Int4Weight | Float8Weight
    ) -> torch.Tensor | Int8Weight | Int4Weight | Float8Weight:
        """This rank's inputs of `module`'s weight [out_features, in_features], with the scales that
        the whole has. Raises QuantizationError if they end within a group of int4."""
        own = self._inputs[module]
        if isinstance(weight, torch.Tensor):
            return weight[:, own].contiguous()
        data = weight.data[:, own].contiguous()
        if not isinstance(weight, Int4Weight):
            return type(weight)(data, weight.scale)
        group_size = weight.shape[1] // weight.scale.shape[1]
        if own.start % group_size or own.stop % group_size:
            raise QuantizationError(
                f"tensor_parallel is {self.ranks.size}, and the {weight.shape[1]} inputs of "
                f"{module} are stored in int4 by groups of {group_size}, one of which would be "
                "cut. Choose another number of ranks, or quantization=int8."
            )
        groups = slice(own.start // group_size, own.stop // group_size)
        scale, shift = (values[:, groups].contiguous() for values in (weight.scale, weight.shift))
        return Int4Weight(data, scale, shift)


def _check_heads(spec: DecoderSpec, size: int) -> None:
    if spec.num_kv_heads % size == 0:
        return
    choices = [n for n in range(1, spec.num_kv_heads + 1) if spec.num_kv_heads % n == 0]
    raise ParallelError(
        f"tensor_parallel is {size}, and the model's {spec.num_kv_heads} key-value heads cannot be "
        f"divided so. Set it to one of {', '.join(map(str, choices))}."
    )


def _features(size: int, ranks: Ranks) -> slice:
    """At borders of the groups that int4 would have, where there are enough of them; shares may
    differ by one."""
    for unit in (group_size_of(size), math.gcd(size, _FEATURES)):
        if size // unit >= ranks.size:
            return _times(_share(size // unit, ranks), unit)
    raise ParallelError(
        f"tensor_parallel is {ranks.size}, and the model's feed-forward network has {size} inner "
        f"features, too few to divide. Set it to 1."
    )


def _share(count: int, ranks: Ranks) -> slice:
    """Of `count` things, as equal as can be."""
    return slice(count * ranks.rank // ranks.size, count * (ranks.rank + 1) // ranks.size)


def _times(part: slice, factor: int) -> slice:
    return slice(part.start * factor, part.stop * factor)


def _rows(
    names: Sequence[str], sizes: Sequence[int], parts: Sequence[slice]
) -> dict[str, tuple[slice, ...]]:
    """`parts` are taken of matrices of `sizes` rows: one for each name, or all stacked in one."""
    if len(names) == len(sizes):
        return {name: (part,) for name, part in zip(names, parts, strict=True)}
    slices, start = [], 0
    for size, part in zip(sizes, parts, strict=True):
        slices.append(slice(start + part.start, start + part.stop))
        start += size
    return {names[0]: tuple(slices)}
