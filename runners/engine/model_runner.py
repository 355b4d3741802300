"""From scheduled sequences to logits: packs the step's tokens into one ForwardBatch and runs the
model."""

from collections.abc import Sequence as SequenceOf
from itertools import accumulate

import numpy as np
import torch

from models.architectures.causal_lm import CausalLM
from models.layers.forward_batch import ForwardBatch
from models.layers.inference import inference
from models.layers.upload import upload
from runners.engine.decode_graphs import DecodeGraphs, Recorder
from runners.engine.kv_cache import KVCache
from runners.engine.scheduler import ScheduledSequence

Span = tuple[SequenceOf[int], int, SequenceOf[int]]
"""Block table, position of the first new token, new token ids."""


class ModelRunner:
    def __init__(self, model: CausalLM, kv_cache: KVCache) -> None:
        self.model = model
        self.kv_cache = kv_cache
        self._graphs: DecodeGraphs | None = None

    def record_decoding(
        self, *, max_num_seqs: int, max_model_len: int, record: Recorder | None = None
    ) -> None:
        """From now on replay the steps in which every sequence takes one token."""
        self._graphs = DecodeGraphs(
            self.model,
            self.kv_cache,
            max_num_seqs=max_num_seqs,
            max_model_len=max_model_len,
            record=record,
        )

    @inference
    def run(self, batch: SequenceOf[ScheduledSequence]) -> torch.Tensor:
        """Compute every scheduled token; return logits [num_rows, vocab_size] fp32, one row for
        each sequence that reaches its end, in the order of `batch`."""
        if self._graphs is not None and all(
            scheduled.num_new_tokens == 1 and scheduled.reaches_end for scheduled in batch
        ):
            sequences = [scheduled.sequence for scheduled in batch]
            return self._graphs.run(
                [sequence.token_ids[-1] for sequence in sequences],
                [sequence.num_computed_tokens for sequence in sequences],
                [sequence.block_ids for sequence in sequences],
            )
        forward_batch = self._pack(batch)
        return self.model.logits(self.model.forward(forward_batch, self.kv_cache.layers))

    @inference
    def embed(self, prompts: SequenceOf[SequenceOf[int]]) -> torch.Tensor:
        """Mean over each prompt's final hidden states, normalised to length 1: [num_prompts,
        hidden_size] fp32. Runs in a cache of its own, so that nothing the engine holds is
        touched."""
        block_size = self.kv_cache.block_size
        tables, num_blocks = [], 0
        for prompt in prompts:
            count = -(-len(prompt) // block_size)
            tables.append(list(range(num_blocks, num_blocks + count)))
            num_blocks += count
        cache = KVCache(self.model.cache_shape, num_blocks, block_size, self.model.device)
        spans = [(table, 0, prompt) for table, prompt in zip(tables, prompts, strict=True)]
        batch = self.forward_batch(spans)
        hidden = self.model.forward(batch, cache.layers).float()
        means = [
            hidden[start:end].mean(0)
            for start, end in zip(batch.query_starts, batch.query_starts[1:], strict=False)
        ]
        return torch.nn.functional.normalize(torch.stack(means), dim=-1)

    @inference
    def compute_behind(self, context: int, token_ids: SequenceOf[int]) -> None:
        """The forward of a prompt's chunk behind `context` tokens, which are none: to see how long
        it takes. Runs in a cache of its own."""
        block_size = self.kv_cache.block_size
        table = range(-(-(context + len(token_ids)) // block_size))
        cache = KVCache(self.model.cache_shape, len(table), block_size, self.model.device)
        batch = self.forward_batch([(list(table), context, token_ids)])
        self.model.forward(batch, cache.layers)

    def _pack(self, batch: SequenceOf[ScheduledSequence]) -> ForwardBatch:
        spans, ends, num_rows = [], [], 0
        for scheduled in batch:
            sequence = scheduled.sequence
            start = sequence.num_computed_tokens
            new_ids = sequence.token_ids[start : start + scheduled.num_new_tokens]
            spans.append((sequence.block_ids, start, new_ids))
            num_rows += scheduled.num_new_tokens
            if scheduled.reaches_end:
                ends.append(num_rows - 1)
        return self.forward_batch(spans, ends if len(ends) < num_rows else None)

    def forward_batch(
        self, spans: SequenceOf[Span], hidden_rows: list[int] | None = None
    ) -> ForwardBatch:
        """All of `spans` packed; their rows in `hidden_rows` are wanted in the end, or all."""
        block_size = self.kv_cache.block_size
        ids: list[int] = []
        positions: list[int] = []
        slots: list[int] = []
        tables: list[int] = []
        width = max(len(table) for table, _, _ in spans)
        for table, start, new_ids in spans:
            ids += new_ids
            span = range(start, start + len(new_ids))
            positions += span
            slots += [table[p // block_size] * block_size + p % block_size for p in span]
            tables += table
            tables += [0] * (width - len(table))
        return ForwardBatch(
            input_ids=self._tensor(ids),
            positions=self._tensor(positions),
            slot_mapping=self._tensor(slots),
            block_tables=self._tensor(tables, np.int32).view(len(spans), width),
            query_starts=tuple(accumulate((len(new) for _, _, new in spans), initial=0)),
            context_lens=tuple(start + len(new) for _, start, new in spans),
            hidden_rows=None if hidden_rows is None else self._tensor(hidden_rows),
        )

    def _tensor(self, values: list[int], dtype: type[np.generic] = np.int64) -> torch.Tensor:
        return upload(values, dtype, self.model.device)
