"""Runs a CausalLM over whole sequences in a cache of its own, without an engine."""

from collections.abc import Callable, Collection, Sequence
from itertools import accumulate

import torch

from models.architectures.causal_lm import CausalLM
from models.layers.forward_batch import ForwardBatch, LayerCache

_BLOCK = 16


class PagedText:
    """Sequences whose greatest lengths are known. Each call extends them by some tokens."""

    def __init__(
        self, model: CausalLM, max_lengths: Sequence[int], *, num_imagined: int = 0
    ) -> None:
        """Of each sequence the first `num_imagined` tokens count as computed, with keys and values
        that mean nothing: enough to measure speed."""
        self.model = model
        self.lengths = [num_imagined] * len(max_lengths)
        counts = [-(-length // _BLOCK) for length in max_lengths]
        self._starts = list(accumulate(counts, initial=0))
        shape = model.cache_shape
        size = (self._starts[-1], _BLOCK, shape.num_kv_heads, shape.stored_dim)
        self._caches: list[LayerCache] = [
            (
                torch.zeros(size, dtype=shape.dtype, device=model.device),
                torch.zeros(size, dtype=shape.dtype, device=model.device),
            )
            for _ in range(shape.num_layers)
        ]
        if num_imagined:
            for keys, values in self._caches:  # pages that nobody has written cost nothing to read
                keys.fill_(1)
                values.fill_(1)

    def extend(self, new_ids: Sequence[Sequence[int]]) -> torch.Tensor:
        """new_ids: for each sequence its next tokens, or none -> hidden [num_tokens, hidden_size],
        the sequences' rows one after another."""
        rows = [index for index, ids in enumerate(new_ids) if ids]
        positions, slots = list[int](), list[int]()
        for index in rows:
            span = range(self.lengths[index], self.lengths[index] + len(new_ids[index]))
            positions += span
            slots += [self._starts[index] * _BLOCK + position for position in span]
            self.lengths[index] = span.stop
        widths = [self._starts[index + 1] - self._starts[index] for index in rows]
        tables = torch.zeros(len(rows), max(widths), dtype=torch.int32)
        for row, (index, width) in enumerate(zip(rows, widths, strict=True)):
            start = self._starts[index]
            tables[row, :width] = torch.arange(start, start + width, dtype=torch.int32)
        device = self.model.device
        batch = ForwardBatch(
            input_ids=torch.tensor([i for index in rows for i in new_ids[index]], device=device),
            positions=torch.tensor(positions, device=device),
            slot_mapping=torch.tensor(slots, device=device),
            block_tables=tables.to(device),
            query_starts=tuple(accumulate((len(new_ids[index]) for index in rows), initial=0)),
            context_lens=tuple(self.lengths[index] for index in rows),
        )
        return self.model.forward(batch, self._caches)


def greedy(
    model: CausalLM,
    prompts: Sequence[Sequence[int]],
    max_tokens: Sequence[int],
    end_ids: Collection[int],
    is_done: Callable[[int, list[int]], bool] | None = None,
) -> list[list[int]]:
    """The likeliest tokens after each prompt, up to one of `end_ids`, which is left out, to so
    many, or until `is_done` says so of the prompt's index and its answer so far."""
    lengths = [len(prompt) + most for prompt, most in zip(prompts, max_tokens, strict=True)]
    text = PagedText(model, lengths)
    answers: list[list[int]] = [[] for _ in prompts]
    new_ids = [list(prompt) for prompt in prompts]
    while any(new_ids):
        running = [index for index, ids in enumerate(new_ids) if ids]
        ends = list(accumulate(len(new_ids[index]) for index in running))
        hidden = text.extend(new_ids)[[end - 1 for end in ends]]
        best = model.logits(hidden).argmax(-1).tolist()
        new_ids = [[] for _ in prompts]
        for index, token in zip(running, best, strict=True):
            if token in end_ids:
                continue
            answers[index].append(token)
            if len(answers[index]) >= max_tokens[index]:
                continue
            if is_done is None or not is_done(index, answers[index]):
                new_ids[index] = [token]
    return answers
