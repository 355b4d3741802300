"""Which sequences take part in the next step, with how many tokens each.

There is no prefill phase and no decode phase: each sequence's computed tokens chase its total under
one token budget, so that chunked prefill, prefix reuse and recompute after preemption are one case.
Works on integers; the only thing it owns is the order of sequences, and through the BlockManager
their blocks.
"""

from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass

from runners.engine.block_manager import BlockManager, extend_block_hashes
from runners.engine.config import SchedulerConfig
from runners.engine.prefill_budget import PrefillBudget
from runners.engine.sequence import Sequence, SequenceStatus

UNPLANNED_PROMPT_TOKENS = 128
"""Of a step in which someone waits for their next token, where no step was measured."""

BACKGROUND_DIVISOR = 2
"""Of the prompt tokens that others would bear beside theirs, as few in a step of the background
alone, so that it lasts as long as a step of next tokens."""


@dataclass(frozen=True, slots=True)
class ScheduledSequence:
    """`num_new_tokens` of the sequence's uncomputed tokens are computed in this step."""

    sequence: Sequence
    num_new_tokens: int

    @property
    def reaches_end(self) -> bool:
        """Whether its last token is among them, so that the next one can be sampled."""
        return self.num_new_tokens == self.sequence.num_uncomputed_tokens


class Scheduler:
    """Invariants between steps: a running sequence holds blocks for its computed tokens at least, a
    waiting or finished one holds none; `waiting` and `running` are ordered by rank."""

    def __init__(self, config: SchedulerConfig, blocks: BlockManager) -> None:
        self.config = config
        self.blocks = blocks
        tokens = config.max_prefill_tokens_while_decoding or UNPLANNED_PROMPT_TOKENS
        self.prompt_tokens_beside: Callable[[int, int], int] = lambda _decoding, _waiting: tokens
        """How many prompt tokens a step may have beside so many that wait for their next token,
        where so many wait for a place in a step."""
        self.cost_at: Callable[[int], float] | None = None
        """Of a prompt token at a position, beside others, in tokens that see little context."""
        self.waiting: list[Sequence] = []
        self.running: list[Sequence] = []
        self.num_preemptions = 0
        self.num_prompt_tokens = 0
        self.num_cached_tokens = 0

    def add(self, sequence: Sequence) -> None:
        insort(self.waiting, sequence, key=_rank)

    def schedule(self) -> list[ScheduledSequence]:
        """Choose the next step's work and give it blocks. Empty when there is nothing to do.

        Running sequences come first, best rank first, so that whoever must be preempted to make
        room has not been scheduled yet. Then waiting ones are admitted, unless there was no room
        for those running. Background ones stand still, on what they hold, while there are others;
        among themselves they make short steps, because whoever comes waits for the end of one.
        """
        num_preemptions = self.num_preemptions
        active = self._active()
        budget = self._prefill_budget(active)
        batch: list[ScheduledSequence] = []
        for sequence in active:
            if sequence.status is not SequenceStatus.RUNNING:  # preempted by one of better rank
                continue
            num_new = sequence.num_uncomputed_tokens
            if not sequence.is_decoding:
                num_new = budget.take(num_new, sequence.num_computed_tokens)
            if num_new and self._make_room(sequence, num_new):
                batch.append(ScheduledSequence(sequence, num_new))
        if self.num_preemptions == num_preemptions:
            self._admit(batch, budget, self._hashes_in_flight(active))
        return _prompts_or_next_tokens(batch) if self._only_background else batch

    def update(self, scheduled: ScheduledSequence) -> None:
        """Its tokens of this step are computed: count them, and offer the blocks they filled for
        reuse."""
        sequence = scheduled.sequence
        sequence.num_computed_tokens += scheduled.num_new_tokens
        num_full = sequence.num_computed_tokens // self.blocks.block_size
        if not self.blocks.prefix_caching or num_full == sequence.num_registered_blocks:
            return
        extend_block_hashes(sequence.block_hashes, sequence.token_ids, self.blocks.block_size)
        for i in range(sequence.num_registered_blocks, num_full):
            self.blocks.register(sequence.block_ids[i], sequence.block_hashes[i])
        sequence.num_registered_blocks = num_full

    def finish(self, sequence: Sequence) -> None:
        """Take it out wherever it is, and give back its blocks."""
        queue = self.running if sequence.status is SequenceStatus.RUNNING else self.waiting
        queue.remove(sequence)
        self._release(sequence)
        sequence.status = SequenceStatus.FINISHED

    @property
    def _only_background(self) -> bool:
        """Whether nobody waits for what is computed; ranks put the background last."""
        return all(not queue or queue[0].is_background for queue in (self.running, self.waiting))

    def _active(self) -> tuple[Sequence, ...]:
        """Running sequences that take part in the next step."""
        if self._only_background:
            return tuple(self.running)
        return tuple(sequence for sequence in self.running if not sequence.is_background)

    def _prefill_budget(self, active: tuple[Sequence, ...]) -> PrefillBudget:
        """Tokens left for prompts once every decoding sequence has its one."""
        num_decoding = sum(sequence.is_decoding for sequence in active)
        budget = self.config.max_batch_tokens - num_decoding
        if self._only_background:
            tokens = self.prompt_tokens_beside(0, 0) // BACKGROUND_DIVISOR
            return PrefillBudget(max(1, min(budget, tokens)), self.cost_at)
        if num_decoding:
            num_waiting = sum(not sequence.is_background for sequence in self.waiting)
            tokens = self.prompt_tokens_beside(num_decoding, num_waiting)
            return PrefillBudget(min(budget, tokens), self.cost_at)
        return PrefillBudget(budget)

    def _make_room(self, sequence: Sequence, num_new: int) -> bool:
        """Blocks for `num_new` more tokens, preempting from the worst rank upwards. False if the
        sequence itself was the worst and had to go."""
        needed = self.blocks.blocks_for(sequence.num_computed_tokens + num_new)
        while (missing := needed - len(sequence.block_ids)) > self.blocks.num_free:
            victim = self.running[-1]
            self._preempt(victim)
            if victim is sequence:
                return False
        sequence.block_ids += self.blocks.allocate(max(0, missing))
        return True

    def _preempt(self, sequence: Sequence) -> None:
        """Back to the queue; its tokens, outputs included, are recomputed when there is room
        again."""
        self.running.remove(sequence)
        self._release(sequence)
        sequence.status = SequenceStatus.WAITING
        self.add(sequence)
        self.num_preemptions += 1

    def _release(self, sequence: Sequence) -> None:
        self.blocks.release(sequence.block_ids)
        sequence.block_ids = []
        sequence.num_computed_tokens = 0
        sequence.num_registered_blocks = 0

    def _admit(
        self, batch: list[ScheduledSequence], budget: PrefillBudget, in_flight: set[bytes]
    ) -> None:
        """Move waiting sequences to running, best rank first, while there is room for all their
        tokens.

        The first one that lacks room ends it: none overtakes it, or a large one might never be
        admitted. One whose next block a running sequence is about to compute stands aside for those
        steps, and then finds the block instead of computing it again.
        """
        only_background = self._only_background
        for sequence in tuple(self.waiting):
            stands_still = sequence.is_background and not only_background
            if budget.is_spent or stands_still or not self._has_seat_for(sequence):
                return
            usable = self._usable_hashes(sequence)
            matched = self.blocks.match(usable)
            if len(matched) < len(usable) and usable[len(matched)] in in_flight:
                continue
            num_missing = self.blocks.blocks_for(sequence.num_tokens) - len(matched)
            while self._is_full or num_missing > self.blocks.num_free_beside(matched):
                if not self._may_displace(sequence):
                    return
                self._preempt(self.running[-1])
            num_new = self._start(sequence, matched, budget)
            in_flight.update(usable[len(matched) :])
            batch.append(ScheduledSequence(sequence, num_new))

    @property
    def _is_full(self) -> bool:
        return len(self.running) >= self.config.max_num_seqs

    def _has_seat_for(self, sequence: Sequence) -> bool:
        return not self._is_full or self._may_displace(sequence)

    def _may_displace(self, sequence: Sequence) -> bool:
        """Whether one of the background runs that can be put back for it."""
        if not self.running or sequence.is_background:
            return False
        return self.running[-1].is_background

    def _start(self, sequence: Sequence, matched: list[int], budget: PrefillBudget) -> int:
        """waiting -> running, on the matched blocks and new ones for the first chunk; returns its
        tokens."""
        self.waiting.remove(sequence)
        insort(self.running, sequence, key=_rank)
        sequence.status = SequenceStatus.RUNNING
        self.blocks.acquire(matched)
        sequence.block_ids = list(matched)
        sequence.num_computed_tokens = len(matched) * self.blocks.block_size
        sequence.num_registered_blocks = len(matched)
        if not sequence.has_been_admitted:
            sequence.has_been_admitted = True
            sequence.num_cached_tokens = sequence.num_computed_tokens
            self.num_prompt_tokens += sequence.num_prompt_tokens
            self.num_cached_tokens += sequence.num_cached_tokens
        num_new = budget.take(sequence.num_uncomputed_tokens, sequence.num_computed_tokens)
        has_room = self._make_room(sequence, num_new)
        assert has_room, "admission checked that all its tokens fit"
        return num_new

    def _usable_hashes(self, sequence: Sequence) -> list[bytes]:
        """Hashes of the blocks it could reuse: full ones, and never all its tokens, because
        sampling needs the hidden state of the last."""
        if not self.blocks.prefix_caching:
            return []
        block_size = self.blocks.block_size
        extend_block_hashes(sequence.block_hashes, sequence.token_ids, block_size)
        return sequence.block_hashes[: (sequence.num_tokens - 1) // block_size]

    def _hashes_in_flight(self, active: tuple[Sequence, ...]) -> set[bytes]:
        """Blocks that active sequences will have computed before they sample."""
        return {
            block_hash
            for sequence in active
            if not sequence.is_decoding
            for block_hash in sequence.block_hashes[sequence.num_registered_blocks :]
        }


def _prompts_or_next_tokens(batch: list[ScheduledSequence]) -> list[ScheduledSequence]:
    """Prompts first: they are soon through, and then all sequences go on together. Those left out
    keep the blocks that they were given."""
    return [item for item in batch if not item.sequence.is_decoding] or batch


def _rank(sequence: Sequence) -> tuple[int, int, int]:
    return sequence.rank
