"""A Decoder from its spec and a checkpoint: reads, checks, fuses and places every tensor."""

from functools import partial

import torch

from models.architectures.checkpoint import Checkpoint
from models.architectures.decoder import Decoder
from models.architectures.decoder_layer import DecoderLayer
from models.architectures.decoder_spec import DecoderSpec
from models.architectures.linear_shapes import HEAD, linear_shapes
from models.layers.linear import Linear
from models.layers.norm import RMSNorm
from models.quantization.linear_factory import LinearFactory, StoredWeight
from models.quantization.quanto_format import read_quantized

_EMBEDDING = "model.embed_tokens"
_NORM = "model.norm"


def build_decoder(
    spec: DecoderSpec,
    checkpoint: Checkpoint,
    linears: LinearFactory,
    *,
    dtype: torch.dtype,
    device: torch.device,
) -> Decoder:
    """Raises CheckpointError unless the checkpoint holds the spec's tensors and no others."""
    reader = _Reader(spec, checkpoint, linears, device)
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
    ) -> None:
        self._spec = spec
        self._shapes = linear_shapes(spec)
        self._checkpoint = checkpoint
        self._linears = linears
        self._device = device

    def read(self, dtype: torch.dtype) -> Decoder:
        spec = self._spec
        embedding = self._checkpoint.tensor(
            f"{_EMBEDDING}.weight", (spec.vocab_size, spec.hidden_size)
        )
        embedding = embedding.to(self._device, copy=True)  # the stored one keeps its file mapped
        return Decoder(
            spec,
            embedding=embedding,
            layers=[self._layer(index) for index in range(len(spec.layers))],
            norm=self._norm(_NORM),
            head=self._linears.output(self._head(embedding)),
            dtype=dtype,
        )

    def _head(self, embedding: torch.Tensor) -> StoredWeight:
        """A head tied to floats may be stored quantised beside them."""
        if not self._spec.ties_embeddings:
            return self._stored(HEAD)
        quantized = read_quantized(self._checkpoint, HEAD, self._shapes[HEAD])
        return embedding if quantized is None else quantized

    def _layer(self, index: int) -> DecoderLayer:
        spec, names, prefix = self._spec, self._spec.names, f"model.layers.{index}."
        linear = partial(self._fused, prefix)
        return DecoderLayer(
            spec=spec,
            sliding_window=spec.layers[index].sliding_window,
            attention_norm=self._norm(prefix + names.attention_norm),
            qkv=linear(names.qkv, spec.qkv_bias),
            qk_norm=self._qk_norm(prefix),
            attention_output=linear((names.attention_output,), spec.attention_output_bias),
            attention_post_norm=self._optional_norm(prefix, names.attention_post_norm),
            mlp_norm=self._norm(prefix + names.mlp_norm),
            gate_up=linear(names.gate_up, spec.mlp_bias, spec.activation),
            down=linear((names.down,), spec.mlp_bias),
            mlp_post_norm=self._optional_norm(prefix, names.mlp_post_norm),
        )

    def _fused(
        self, prefix: str, names: tuple[str, ...], has_bias: bool, activation: str | None = None
    ) -> Linear:
        """One Linear with the rows of all `names`."""
        modules = [prefix + name for name in names]
        parts = [self._stored(module) for module in modules]
        bias = None
        if has_bias:
            sizes = [self._shapes[module][0] for module in modules]
            biases = zip(modules, sizes, strict=True)
            bias = torch.cat([self._checkpoint.tensor(f"{m}.bias", (n,)) for m, n in biases])
        return self._linears.linear(parts, bias, activation=activation)

    def _stored(self, module: str) -> StoredWeight:
        shape = self._shapes[module]
        quantized = read_quantized(self._checkpoint, module, shape)
        if quantized is not None:
            return quantized
        return self._checkpoint.tensor(f"{module}.weight", shape)

    def _norm(self, name: str) -> RMSNorm:
        return RMSNorm(self._norm_weight(name, self._spec.hidden_size), self._spec.norm_eps)

    def _optional_norm(self, prefix: str, name: str | None) -> RMSNorm | None:
        return None if name is None else self._norm(prefix + name)

    def _norm_weight(self, name: str, size: int) -> torch.Tensor:
        stored = self._checkpoint.tensor(f"{name}.weight", (size,))
        return stored.to(self._device, torch.float32) + self._spec.norm_offset

    def _qk_norm(self, prefix: str) -> RMSNorm | None:
        spec = self._spec
        if spec.names.qk_norms is None:
            return None
        query, key = (
            self._norm_weight(prefix + name, spec.head_dim) for name in spec.names.qk_norms
        )
        per_head = torch.cat((query.expand(spec.num_heads, -1), key.expand(spec.num_kv_heads, -1)))
        return RMSNorm(per_head, spec.norm_eps)
