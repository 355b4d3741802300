"""A Decoder from its spec and a checkpoint: reads, checks, fuses and places every tensor."""

from functools import partial

import torch

from models.architectures.checkpoint import Checkpoint
from models.architectures.decoder import Decoder
from models.architectures.decoder_layer import DecoderLayer
from models.architectures.decoder_spec import DecoderSpec
from models.layers.linear import Linear
from models.layers.norm import RMSNorm
from models.quantization.linear_factory import LinearFactory, StoredWeight
from models.quantization.quanto_format import read_quantized

_EMBEDDING = "model.embed_tokens"
_NORM = "model.norm"
_HEAD = "lm_head"


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
        checkpoint.skip(f"{_HEAD}.weight")
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
        self._checkpoint = checkpoint
        self._linears = linears
        self._device = device

    def read(self, dtype: torch.dtype) -> Decoder:
        spec = self._spec
        table = (spec.vocab_size, spec.hidden_size)
        embedding = self._checkpoint.tensor(f"{_EMBEDDING}.weight", table)
        embedding = embedding.to(self._device, copy=True)  # the stored one keeps its file mapped
        head = embedding if spec.ties_embeddings else self._stored(_HEAD, table)
        return Decoder(
            spec,
            embedding=embedding,
            layers=[self._layer(index) for index in range(len(spec.layers))],
            norm=self._norm(_NORM),
            head=self._linears.output(head),
            dtype=dtype,
        )

    def _layer(self, index: int) -> DecoderLayer:
        spec, names, prefix = self._spec, self._spec.names, f"model.layers.{index}."
        hidden_size, mlp_size = spec.hidden_size, spec.intermediate_size
        attention_size, kv_size = (n * spec.head_dim for n in (spec.num_heads, spec.num_kv_heads))
        linear = partial(self._fused, prefix)
        return DecoderLayer(
            spec=spec,
            sliding_window=spec.layers[index].sliding_window,
            attention_norm=self._norm(prefix + names.attention_norm),
            qkv=linear(names.qkv, (attention_size, kv_size, kv_size), hidden_size, spec.qkv_bias),
            qk_norm=self._qk_norm(prefix),
            attention_output=linear(
                (names.attention_output,),
                (hidden_size,),
                attention_size,
                spec.attention_output_bias,
            ),
            attention_post_norm=self._optional_norm(prefix, names.attention_post_norm),
            mlp_norm=self._norm(prefix + names.mlp_norm),
            gate_up=linear(
                names.gate_up, (mlp_size, mlp_size), hidden_size, spec.mlp_bias, spec.activation
            ),
            down=linear((names.down,), (hidden_size,), mlp_size, spec.mlp_bias),
            mlp_post_norm=self._optional_norm(prefix, names.mlp_post_norm),
        )

    def _fused(
        self,
        prefix: str,
        names: tuple[str, ...],
        sizes: tuple[int, ...],
        in_features: int,
        has_bias: bool,
        activation: str | None = None,
    ) -> Linear:
        """One Linear of sum(sizes) rows, from a tensor per size or from a single tensor."""
        if len(names) < len(sizes):
            sizes = (sum(sizes),)
        named = [(prefix + name, size) for name, size in zip(names, sizes, strict=True)]
        parts = [self._stored(name, (size, in_features)) for name, size in named]
        bias = (
            torch.cat([self._checkpoint.tensor(f"{name}.bias", (size,)) for name, size in named])
            if has_bias
            else None
        )
        return self._linears.linear(parts, bias, activation=activation)

    def _stored(self, name: str, shape: tuple[int, int]) -> StoredWeight:
        quantized = read_quantized(self._checkpoint, name, shape)
        if quantized is not None:
            return quantized
        return self._checkpoint.tensor(f"{name}.weight", shape)

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
