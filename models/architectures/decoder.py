"""The lean decoder: one network for every Llama-shaped family, all differences in its spec."""

from collections.abc import Mapping, Sequence
from itertools import chain

import torch

from models.architectures.causal_lm import CacheShape
from models.architectures.decoder_layer import DecoderLayer
from models.architectures.decoder_spec import DecoderSpec
from models.kernels.tape import Tape
from models.layers.attention_plan import AttentionPlan
from models.layers.embedding import Embedding
from models.layers.forward_batch import ForwardBatch, LayerCache
from models.layers.inference import inference
from models.layers.linear import Linear
from models.layers.norm import RMSNorm
from models.layers.rotary import Rotary, Rotation
from models.layers.take_rows import take_rows


class Decoder:
    """A `CausalLM`. Holds weights and nothing else: every call's state lies in its arguments."""

    def __init__(
        self,
        spec: DecoderSpec,
        *,
        embedding: Embedding,
        layers: Sequence[DecoderLayer],
        norm: RMSNorm,
        head: Linear,
        dtype: torch.dtype,
        is_divided: bool = False,
    ) -> None:
        """Activations are of `dtype`. Where the network `is_divided` among ranks, `spec` has this
        one's heads."""
        self.vocab_size = spec.vocab_size
        self.hidden_size = spec.hidden_size
        self.max_model_len = spec.max_model_len
        self.cache_shape = CacheShape(len(layers), spec.num_kv_heads, spec.head_dim, dtype)
        self.device = embedding.device
        self._dtype = dtype
        self._embedding = embedding
        # Rounded to the activations' dtype first, as the networks were trained.
        self._embedding_scale = torch.tensor(spec.embedding_scale, dtype=dtype).item()
        self._layers = tuple(layers)
        self._layer_ropes = tuple(layer.rope for layer in spec.layers)
        self._ropes = {
            name: Rotary(rope.inv_freq.to(self.device), rope.attention_factor, dtype)
            for name, rope in spec.ropes.items()
        }
        self._norm = norm
        self._head = head
        self._logit_softcap = spec.logit_softcap
        # What ranks exchange is no kernel, and must not even be listened to: gloo's threads would
        # carry the listener along.
        self._tapes = None if is_divided else {"all rows": Tape(), "some": Tape()}

    @inference
    def forward(self, batch: ForwardBatch, caches: Sequence[LayerCache]) -> torch.Tensor:
        """Returns [num_rows, hidden_size] after the final norm; see `CausalLM.forward`."""
        plan = AttentionPlan(batch, caches[0])
        longest = batch.longest_context
        rotations = {name: rope.at(batch.positions, longest) for name, rope in self._ropes.items()}
        hidden = self._embedding(batch.input_ids).to(self._dtype)
        if self._embedding_scale != 1.0:
            hidden *= self._embedding_scale

        rows = batch.hidden_rows
        if self._tapes is None:
            # What ranks sum has the same rows on all of them, and these only the first one knows.
            x = self._run_layers(hidden, rotations, plan, caches, None)
            return x if rows is None else take_rows(x, rows)

        def layers() -> torch.Tensor:
            return self._run_layers(hidden, rotations, plan, caches, rows)

        if plan.query_starts is None or plan.context_lens is None:
            return layers()
        inputs = [
            hidden, batch.positions, batch.slot_mapping, batch.block_tables,
            plan.query_starts, plan.context_lens,
            *(rotation.table for rotation in rotations.values()),
            *chain.from_iterable(caches),
        ]  # fmt: skip
        if rows is None:
            return self._tapes["all rows"](layers, inputs)
        return self._tapes["some"](layers, [*inputs, rows])

    def _run_layers(
        self,
        hidden: torch.Tensor,
        rotations: Mapping[str, Rotation],
        plan: AttentionPlan,
        caches: Sequence[LayerCache],
        rows: torch.Tensor | None,
    ) -> torch.Tensor:
        """After the last attention nobody reads a row that is not among `rows`."""
        last = len(self._layers) - 1
        for i, (layer, rope, cache) in enumerate(
            zip(self._layers, self._layer_ropes, caches, strict=True)
        ):
            rotation = None if rope is None else rotations[rope]
            hidden = layer(hidden, rotation, plan, cache, rows if i == last else None)
        return self._norm(hidden)

    @inference
    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """hidden [n, hidden_size] -> logits [n, vocab_size] fp32."""
        logits = self._head(hidden).float()
        if self._logit_softcap is not None:
            logits.div_(self._logit_softcap).tanh_().mul_(self._logit_softcap)
        return logits
