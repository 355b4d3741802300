"""The books balance after any history of matching, allocating, registering and releasing."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from runners.engine.block_manager import BlockManager, extend_block_hashes

BLOCK_SIZE = 2
tokens = st.lists(st.integers(0, 2), min_size=1, max_size=12)


class Histories(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.blocks = BlockManager(num_blocks=8, block_size=BLOCK_SIZE)
        self.holders: list[list[int]] = []
        self.content: dict[int, tuple[int, ...]] = {}

    @rule(ids=tokens)
    def admit(self, ids):
        """What a scheduler does: match, take the rest anew, compute, register the full ones."""
        hashes: list[bytes] = []
        extend_block_hashes(hashes, ids, BLOCK_SIZE)
        matched = self.blocks.match(hashes)
        for i, block in enumerate(matched):
            assert self.content[block] == tuple(ids[: (i + 1) * BLOCK_SIZE]), (
                "a stale block matched"
            )
        missing = self.blocks.blocks_for(len(ids)) - len(matched)
        if missing > self.blocks.num_free_beside(matched):
            return
        self.blocks.acquire(matched)
        table = matched + self.blocks.allocate(missing)
        for i, block in enumerate(table):
            self.content[block] = tuple(ids[: (i + 1) * BLOCK_SIZE])
        for i in range(len(matched), len(hashes)):
            self.blocks.register(table[i], hashes[i])
        self.holders.append(table)

    @precondition(lambda self: self.holders)
    @rule(data=st.data())
    def leave(self, data):
        self.blocks.release(self.holders.pop(data.draw(st.integers(0, len(self.holders) - 1))))

    @invariant()
    def books_balance(self):
        self.blocks.check_integrity()
        assert self.blocks.num_in_use == len({block for table in self.holders for block in table})

    def teardown(self):
        for table in self.holders:
            self.blocks.release(table)
        self.blocks.check_integrity()
        assert self.blocks.num_in_use == 0


TestHistories = Histories.TestCase


def hashes_of(ids):
    hashes: list[bytes] = []
    extend_block_hashes(hashes, ids, BLOCK_SIZE)
    return hashes


def test_hashes_cover_full_blocks_and_their_whole_prefix():
    assert len(hashes_of([1, 2, 3])) == 1
    assert hashes_of([1, 2, 3, 4])[0] == hashes_of([1, 2, 9, 9])[0]
    assert hashes_of([1, 2, 3, 4])[1] != hashes_of([9, 9, 3, 4])[1]


def test_the_tail_of_a_prefix_is_evicted_first():
    blocks = BlockManager(num_blocks=3, block_size=BLOCK_SIZE)
    hashes = hashes_of([1, 2, 3, 4, 5, 6])
    table = blocks.allocate(3)
    for block, block_hash in zip(table, hashes, strict=True):
        blocks.register(block, block_hash)
    blocks.release(table)
    blocks.allocate(1)
    assert blocks.match(hashes) == table[:2]


def test_released_too_often_is_caught():
    blocks = BlockManager(num_blocks=1, block_size=BLOCK_SIZE)
    table = blocks.allocate(1)
    blocks.release(table)
    with pytest.raises(AssertionError, match="too often"):
        blocks.release(table)


def test_without_prefix_caching_nothing_is_found():
    blocks = BlockManager(num_blocks=2, block_size=BLOCK_SIZE, prefix_caching=False)
    (block,) = blocks.allocate(1)
    blocks.register(block, hashes_of([1, 2])[0])
    assert blocks.match(hashes_of([1, 2])) == []
