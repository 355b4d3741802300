"""Tiny random checkpoints in Hugging Face's format, and a driver that feeds a CausalLM as an engine
would."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from models.architectures.causal_lm import CausalLM
from models.layers.forward_batch import ForwardBatch

SaveCheckpoint = Callable[..., tuple[Path, Any]]


@pytest.fixture
def save_checkpoint(tmp_path: Path) -> SaveCheckpoint:
    """config -> (folder of safetensors, the Hugging Face model).

    Weights are spread out until greedy choices are clear-cut, and norms and biases differ from
    their idle initial values.
    """

    def save(config: Any, **save_options: Any) -> tuple[Path, Any]:
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() == 1:
                    parameter.add_(torch.randn_like(parameter) * 0.3)
                else:
                    parameter.normal_(0, 2.0 / parameter.shape[1] ** 0.5)
        model.generation_config.eos_token_id = None
        folder = tmp_path / "checkpoint"
        model.save_pretrained(folder, **save_options)
        return folder, model

    return save


@dataclass
class PagedSequence:
    blocks: list[int]
    token_ids: list[int]
    num_computed: int = 0
    generated: list[int] = field(default_factory=list)


class Driver:
    """Greedy decoding over shuffled, non-contiguous blocks; chunks share batches with decodes."""

    block_size = 4

    def __init__(self, model: CausalLM, num_blocks: int = 256) -> None:
        self.model = model
        shape = model.cache_shape
        size = (num_blocks, self.block_size, shape.num_kv_heads, shape.head_dim)
        # NaN wherever nothing was written: reading a foreign or stale slot must show.
        self.caches = [
            (torch.full(size, torch.nan), torch.full(size, torch.nan))
            for _ in range(shape.num_layers)
        ]
        self._free = list(range(num_blocks))
        random.Random(0).shuffle(self._free)

    def sequence(self, prompt: Sequence[int]) -> PagedSequence:
        return PagedSequence([], list(prompt))

    def step(self, work: Sequence[tuple[PagedSequence, int]]) -> torch.Tensor:
        """Compute the next `count` tokens of each sequence; logits of every row."""
        batch = self._batch(work)
        logits = self.model.logits(self.model.forward(batch, self.caches))
        self._check_some_rows(batch, logits)
        for sequence, count in work:
            sequence.num_computed += count
        return logits

    def _check_some_rows(self, batch: ForwardBatch, logits: torch.Tensor) -> None:
        """Asked for some rows alone, the same step gives those."""
        rows = torch.tensor(batch.query_starts[1:]) - 1
        hidden = self.model.forward(replace(batch, hidden_rows=rows), self.caches)
        torch.testing.assert_close(self.model.logits(hidden), logits[rows], atol=1e-4, rtol=1e-4)

    def generate(
        self, prompts: Sequence[Sequence[int]], max_tokens: int, chunk: int
    ) -> list[list[int]]:
        """One prompt joins per step, so later prompts' chunks run beside earlier ones' decodes."""
        waiting = [self.sequence(prompt) for prompt in prompts]
        everyone, running = list(waiting), list[PagedSequence]()
        while waiting or running:
            if waiting:
                running.append(waiting.pop(0))
            work = [(s, min(chunk, len(s.token_ids) - s.num_computed)) for s in running]
            logits = self.step(work)
            row = -1
            for sequence, count in work:
                row += count
                if sequence.num_computed == len(sequence.token_ids):
                    sequence.generated.append(int(logits[row].argmax()))
                    sequence.token_ids.append(sequence.generated[-1])
            running = [s for s in running if len(s.generated) < max_tokens]
        return [sequence.generated for sequence in everyone]

    def _batch(self, work: Sequence[tuple[PagedSequence, int]]) -> ForwardBatch:
        ids, positions, slots = list[int](), list[int](), list[int]()
        starts, context_lens = [0], []
        for sequence, count in work:
            end = sequence.num_computed + count
            while len(sequence.blocks) * self.block_size < end:
                sequence.blocks.append(self._free.pop())
            span = range(sequence.num_computed, end)
            ids += sequence.token_ids[sequence.num_computed : end]
            positions += span
            slots += [
                sequence.blocks[p // self.block_size] * self.block_size + p % self.block_size
                for p in span
            ]
            starts.append(len(ids))
            context_lens.append(end)
        widest = max(len(sequence.blocks) for sequence, _ in work)
        tables = [s.blocks + [0] * (widest - len(s.blocks)) for s, _ in work]
        return ForwardBatch(
            input_ids=torch.tensor(ids),
            positions=torch.tensor(positions),
            slot_mapping=torch.tensor(slots),
            block_tables=torch.tensor(tables, dtype=torch.int32),
            query_starts=tuple(starts),
            context_lens=tuple(context_lens),
        )


@pytest.fixture
def driver() -> type[Driver]:
    return Driver


@pytest.fixture
def assert_same_as_transformers() -> Callable[[CausalLM, Any], None]:
    """Logits agree to 1e-4, greedy tokens exactly, for whole prompts and for chunks of 7 and 1."""

    def check(model: CausalLM, reference: Any) -> None:
        generator = torch.Generator().manual_seed(1)
        prompts = [
            torch.randint(3, model.vocab_size, (length,), generator=generator).tolist()
            for length in (23, 1, 9, 40)
        ]
        driver = Driver(model)
        logits = driver.step([(driver.sequence(prompts[3]), 40)])
        torch.testing.assert_close(logits, _logits(reference, prompts[3]), atol=1e-4, rtol=1e-4)

        generated = Driver(model).generate(prompts, 12, chunk=64)
        for prompt, tokens in zip(prompts, generated, strict=True):
            _assert_greedy(reference, prompt, tokens)
        for chunk in (1, 7):
            assert Driver(model).generate(prompts, 12, chunk) == generated, f"chunk {chunk}"

    return check


def _logits(reference: Any, token_ids: list[int]) -> torch.Tensor:
    with torch.no_grad():
        logits: torch.Tensor = reference(torch.tensor([token_ids]), use_cache=False).logits[0]
    return logits


def _assert_greedy(reference: Any, prompt: list[int], tokens: list[int]) -> None:
    """Each token is what the reference prefers after those before it: by induction, what it would
    have generated."""
    logits = _logits(reference, prompt + tokens)[len(prompt) - 1 : -1]
    best, second = logits.topk(2).values.unbind(-1)
    assert (best - second).min() > 1e-4, "the reference is undecided: the comparison means nothing"
    assert logits.argmax(-1).tolist() == tokens
