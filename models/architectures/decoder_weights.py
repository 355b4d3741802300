"""A Decoder from its spec and a checkpoint: reads, checks, fuses and places every tensor."""

from collections.abc import Callable
from functools import partial

import torch

from models.architectures.checkpoint import Checkpoint
from models.architectures.decoder import Decoder
from models.architectures.decoder_layer import DecoderLayer
from models.architectures.decoder_spec import DecoderSpec
from models.architectures.linear_shapes import HEAD, linear_shapes
from models.layers.embedding import Embedding, TableEmbedding
from models.layers.linear import Linear
from models.layers.norm import RMSNorm
from models.parallel.divided_vocabulary import DividedEmbedding, DividedHead
from models.parallel.ranks import Ranks
from models.parallel.shard import Shard
from models.parallel.summed_linear import SummedLinear
from models.quantization.linear_factory import LinearFactory, StoredWeight
from models.quantization.quanto_format import read_quantized

_EMBEDDING = "model.embed_tokens"
_NORM = "model.norm"

Part = Callable[[torch.Tensor], torch.Tensor]
"""Takes rows of a tensor [out_features, ...]."""


def build_decoder(
    spec: DecoderSpec,
    checkpoint: Checkpoint,
    linears: LinearFactory,
    *,
    dtype: torch.dtype,
    device: torch.device,
    ranks: Ranks | None = None,
) -> Decoder:
    """The whole network, or this rank's part of it. Raises CheckpointError unless the checkpoint
    holds the spec's tensors and no others; ParallelError or QuantizationError where it cannot be
    divided."""
    shard = None if ranks is None else Shard(spec, ranks)
    reader = _Reader(spec, checkpoint, linears, device, shard)
    decoder = reader.read(dtype)
    checkpoint.skip("rotary_emb.inv_freq")
    if spec.ties_embeddings:
        checkpoint.skip(f"{HEAD}.weight")
    checkpoint.check_all_read()
    return decoder


class _Reader:
    def __init__(
        self,
        spec: DecoderSpec,
        checkpoint: Checkpoint,
        linears: LinearFactory,
        device: torch.device,
        shard: Shard | None,
    ) -> None:
        self._spec = spec
        self._shapes = linear_shapes(spec)
        self._checkpoint = checkpoint
        self._linears = linears
        self._device = device
        self._shard = shard
        self._local_spec = spec if shard is None else shard.spec

    def read(self, dtype: torch.dtype) -> Decoder:
        spec, shard = self._spec, self._shard
        part = None if shard is None else shard.vocabulary_rows
        table = self._checkpoint.tensor(
            f"{_EMBEDDING}.weight", (spec.vocab_size, spec.hidden_size), part
        )
        table = table.to(self._device, copy=True)  # the stored one keeps its file mapped
        head = self._linears.output(self._head(table, part))
        embedding: Embedding = TableEmbedding(table)
        if shard is not None:
            embedding = DividedEmbedding(table, shard.vocabulary.start, shard.ranks, dtype)
            head = DividedHead(head, shard.ranks, spec.vocab_size)
        return Decoder(
            self._local_spec,
            embedding=embedding,
            layers=[self._layer(index) for index in range(len(spec.layers))],
            norm=self._norm(_NORM),
            head=head,
            dtype=dtype,
            is_divided=shard is not None,
        )

    def _head(self, table: torch.Tensor, part: Part | None) -> StoredWeight:
        """A head tied to floats may be stored quantised beside them."""
        if not self._spec.ties_embeddings:
            return self._stored(HEAD, part)
        quantized = self._stored_quantized(HEAD, part)
        return table if quantized is None else quantized

    def _layer(self, index: int) -> DecoderLayer:
        spec, names, prefix = self._spec, self._spec.names, f"model.layers.{index}."
        linear = partial(self._fused, prefix)
        return DecoderLayer(
            spec=self._local_spec,
            sliding_window=spec.layers[index].sliding_window,
            attention_norm=self._norm(prefix + names.attention_norm),
            qkv=linear(names.qkv, spec.qkv_bias),
            qk_norm=self._qk_norm(prefix),
            attention_output=self._summed(
                prefix, names.attention_output, spec.attention_output_bias
            ),
            attention_post_norm=self._optional_norm(prefix, names.attention_post_norm),
            mlp_norm=self._norm(prefix + names.mlp_norm),
            gate_up=linear(names.gate_up, spec.mlp_bias, spec.activation),
            down=self._summed(prefix, names.down, spec.mlp_bias),
            mlp_post_norm=self._optional_norm(prefix, names.mlp_post_norm),
        )

    def _fused(
        self, prefix: str, names: tuple[str, ...], has_bias: bool, activation: str | None = None
    ) -> Linear:
        """One Linear with the rows of all `names`, or this rank's of them."""
        rows = [None if self._shard is None else self._shard.rows(name) for name in names]
        parts = [self._stored(prefix + name, part) for name, part in zip(names, rows, strict=True)]
        bias = None
        if has_bias:
            biases = zip(names, rows, strict=True)
            bias = torch.cat([self._bias(prefix + name, part) for name, part in biases])
        return self._linears.linear(parts, bias, activation=activation)

    def _summed(self, prefix: str, name: str, has_bias: bool) -> Linear:
        """A Linear whose inputs are divided. Quantised before they are, so that its scales are
        those of the whole."""
        if self._shard is None:
            return self._fused(prefix, (name,), has_bias)
        module = prefix + name
        weight = self._linears.quantized(self._stored(module))
        bias = self._bias(module) if has_bias else None
        own_bias = bias if self._shard.ranks.rank == 0 else None
        linear = self._linears.linear([self._shard.inputs(name, weight)], own_bias)
        return SummedLinear(linear, self._shard.ranks)

    def _stored(self, module: str, part: Part | None = None) -> StoredWeight:
        quantized = self._stored_quantized(module, part)
        if quantized is not None:
            return quantized
        return self._checkpoint.tensor(f"{module}.weight", self._shapes[module], part)

    def _stored_quantized(self, module: str, part: Part | None) -> StoredWeight | None:
        whole = read_quantized(self._checkpoint, module, self._shapes[module])
        if whole is None or part is None:
            return whole
        return part(whole) if isinstance(whole, torch.Tensor) else whole.map_rows(part)

    def _bias(self, module: str, part: Part | None = None) -> torch.Tensor:
        return self._checkpoint.tensor(f"{module}.bias", (self._shapes[module][0],), part)

    def _norm(self, name: str) -> RMSNorm:
        return RMSNorm(self._norm_weight(name, self._spec.hidden_size), self._spec.norm_eps)

    def _optional_norm(self, prefix: str, name: str | None) -> RMSNorm | None:
        return None if name is None else self._norm(prefix + name)

    def _norm_weight(self, name: str, size: int) -> torch.Tensor:
        stored = self._checkpoint.tensor(f"{name}.weight", (size,))
        return stored.to(self._device, torch.float32) + self._spec.norm_offset

    def _qk_norm(self, prefix: str) -> RMSNorm | None:
        spec = self._local_spec
        if spec.names.qk_norms is None:
            return None
        query, key = (
            self._norm_weight(prefix + name, spec.head_dim) for name in spec.names.qk_norms
        )
        per_head = torch.cat((query.expand(spec.num_heads, -1), key.expand(spec.num_kv_heads, -1)))
        return RMSNorm(per_head, spec.norm_eps)
