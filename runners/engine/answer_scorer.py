"""How probable given answers are, without sampling any: each prompt is computed once, and all its
answers in one more forward on top of it.

Runs in a cache of its own, so that nothing the engine holds is touched.
"""

from collections.abc import Iterator
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass
from itertools import accumulate

import torch

from runners.engine.kv_cache import KVCache
from runners.engine.model_runner import ModelRunner, Span
from runners.engine.scoring_task import ScoringTask

_ROWS_AT_ONCE = 64
"""Of logits: with a vocabulary of 150,000, 40 MB."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where a prompt's and its answers' keys and values lie: answers share the prompt's full
    blocks, and begin on a copy of its last one if that is not full."""

    prompt_table: list[int]
    answer_tables: list[list[int]]


class AnswerScorer:
    def __init__(self, model_runner: ModelRunner, end_ids: frozenset[int]) -> None:
        """`end_ids`: any of them ends an answer; without any, an answer's end is not scored."""
        self._model_runner = model_runner
        self._end_ids = sorted(end_ids)

    @torch.inference_mode()
    def score(self, tasks: SequenceOf[ScoringTask]) -> list[list[float]]:
        """Per task, for each answer, log p(the answer is this, and ends | prompt) in nats."""
        model, block_size = self._model_runner.model, self._model_runner.kv_cache.block_size
        layouts, num_blocks = _lay_out(tasks, block_size)
        cache = KVCache(model.cache_shape, num_blocks, block_size, model.device)
        first = self._first_logprobs(tasks, layouts, cache)
        _copy_last_blocks(layouts, cache)
        rest = self._rest_logprobs(tasks, layouts, cache)
        return [
            [float(first[i, answer[0]]) + next(rest) for answer in task.answers]
            for i, task in enumerate(tasks)
        ]

    def _first_logprobs(
        self, tasks: SequenceOf[ScoringTask], layouts: SequenceOf[_Layout], cache: KVCache
    ) -> torch.Tensor:
        """Of what follows each prompt: [num_tasks, vocab_size]."""
        spans: list[Span] = [
            (layout.prompt_table, 0, task.prompt_ids)
            for layout, task in zip(layouts, tasks, strict=True)
        ]
        ends = [end - 1 for end in accumulate(len(task.prompt_ids) for task in tasks)]
        hidden = self._forward(spans, cache, ends)
        return self._model_runner.model.logits(hidden).log_softmax(-1)

    def _rest_logprobs(
        self, tasks: SequenceOf[ScoringTask], layouts: SequenceOf[_Layout], cache: KVCache
    ) -> Iterator[float]:
        """Of every answer in turn: its tokens from the second on, and its end."""
        spans: list[Span] = [
            (table, len(task.prompt_ids), answer)
            for layout, task in zip(layouts, tasks, strict=True)
            for table, answer in zip(layout.answer_tables, task.answers, strict=True)
        ]
        hidden = self._forward(spans, cache)
        following = [target for _, _, answer in spans for target in (*answer[1:], None)]
        values: list[float] = []
        for start in range(0, len(following), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            logprobs = self._model_runner.model.logits(hidden[rows]).log_softmax(-1)
            values += [
                self._end_logprob(row) if target is None else float(row[target])
                for row, target in zip(logprobs, following[rows], strict=True)
            ]
        remaining = iter(values)
        return (sum(next(remaining) for _ in answer) for _, _, answer in spans)

    def _end_logprob(self, logprobs: torch.Tensor) -> float:
        return float(logprobs[self._end_ids].logsumexp(-1)) if self._end_ids else 0.0

    def _forward(
        self, spans: SequenceOf[Span], cache: KVCache, rows: list[int] | None = None
    ) -> torch.Tensor:
        """[num_rows, hidden_size], of all rows if none are named."""
        batch = self._model_runner.forward_batch(spans, rows)
        return self._model_runner.model.forward(batch, cache.layers)


def _lay_out(tasks: SequenceOf[ScoringTask], block_size: int) -> tuple[list[_Layout], int]:
    """Blocks for each task, and how many there are in all."""
    layouts: list[_Layout] = []
    num_blocks = 0

    def take(num_tokens: int) -> list[int]:
        nonlocal num_blocks
        count = -(-num_tokens // block_size)
        num_blocks += count
        return list(range(num_blocks - count, num_blocks))

    for task in tasks:
        num_full, num_beyond = divmod(len(task.prompt_ids), block_size)
        table = take(len(task.prompt_ids))
        answers = [table[:num_full] + take(num_beyond + len(answer)) for answer in task.answers]
        layouts.append(_Layout(table, answers))
    return layouts, num_blocks


def _copy_last_blocks(layouts: SequenceOf[_Layout], cache: KVCache) -> None:
    """Where an answer's table parts from its prompt's, the prompt's last keys and values are
    needed in both. A full last block is shared and nothing is copied."""
    pairs = [
        (layout.prompt_table[-1], table[len(layout.prompt_table) - 1])
        for layout in layouts
        for table in layout.answer_tables
        if table[len(layout.prompt_table) - 1] != layout.prompt_table[-1]
    ]
    if pairs:
        sources, targets = zip(*pairs, strict=True)
        cache.layers.copy_blocks(sources, targets)
