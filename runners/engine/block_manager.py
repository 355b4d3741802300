"""Which cache block belongs to whom. Integers and hashes only: it never sees a tensor.

The scheme is PagedAttention's (Kwon et al. 2023, section 4) with automatic prefix caching: a full,
computed block is registered under a hash of its tokens and of everything before them, and keeps its
content after its last user has gone, until the space is needed.
"""

from array import array
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from hashlib import blake2b


def extend_block_hashes(hashes: list[bytes], token_ids: Sequence[int], block_size: int) -> None:
    """Append the hashes of the full blocks of `token_ids` that `hashes` does not cover yet.

    Each covers its whole prefix by chaining. The hash is cryptographic because a collision would
    hand one caller's context to another.
    """
    for start in range(len(hashes) * block_size, len(token_ids) - block_size + 1, block_size):
        parent = hashes[-1] if hashes else b""
        tokens = array("q", token_ids[start : start + block_size]).tobytes()
        hashes.append(blake2b(parent + tokens, digest_size=16).digest())


class BlockManager:
    """Every block is in exactly one state: in use (counted references), cached (no user, content
    still findable by hash, evicted least recently used first) or empty."""

    def __init__(self, num_blocks: int, block_size: int, *, prefix_caching: bool = True) -> None:
        self.num_blocks = num_blocks
        self.block_size = block_size
        self.prefix_caching = prefix_caching
        self._empty = list(range(num_blocks - 1, -1, -1))
        self._cached: OrderedDict[int, None] = OrderedDict()
        self._ref_counts = [0] * num_blocks
        self._block_of_hash: dict[bytes, int] = {}
        self._hash_of_block: dict[int, bytes] = {}

    @property
    def num_free(self) -> int:
        """Blocks that `allocate` can hand out."""
        return len(self._empty) + len(self._cached)

    @property
    def num_cached(self) -> int:
        return len(self._cached)

    @property
    def num_in_use(self) -> int:
        return self.num_blocks - self.num_free

    def blocks_for(self, num_tokens: int) -> int:
        return -(-num_tokens // self.block_size)

    def match(self, hashes: Iterable[bytes]) -> list[int]:
        """The blocks of the longest registered prefix. Takes no reference: `acquire` does."""
        blocks: list[int] = []
        for block_hash in hashes:
            block = self._block_of_hash.get(block_hash)
            if block is None:
                break
            blocks.append(block)
        return blocks

    def num_free_beside(self, blocks: Iterable[int]) -> int:
        """What `allocate` could still hand out once `blocks` were acquired."""
        return self.num_free - sum(self._ref_counts[block] == 0 for block in blocks)

    def acquire(self, blocks: Iterable[int]) -> None:
        """One more reference to each matched block."""
        for block in blocks:
            if self._ref_counts[block] == 0:
                del self._cached[block]
            self._ref_counts[block] += 1

    def allocate(self, count: int) -> list[int]:
        """Blocks of unknown content, one reference each. The caller has checked num_free."""
        assert count <= self.num_free, "allocate() called without checking num_free"
        return [self._allocate_one() for _ in range(count)]

    def register(self, block: int, block_hash: bytes) -> None:
        """`block` is full and computed. If another block already stands for the same tokens, that
        one stays the one to find."""
        if self.prefix_caching and block_hash not in self._block_of_hash:
            self._block_of_hash[block_hash] = block
            self._hash_of_block[block] = block_hash

    def release(self, blocks: Sequence[int]) -> None:
        """Drop one reference to each. Later blocks become evictable first: a prefix without its
        tail is still of use, a tail without its prefix is not."""
        for block in reversed(blocks):
            self._ref_counts[block] -= 1
            assert self._ref_counts[block] >= 0, f"block {block} released too often"
            if self._ref_counts[block] == 0:
                if block in self._hash_of_block:
                    self._cached[block] = None
                else:
                    self._empty.append(block)

    def exclusive(self, blocks: Iterable[int]) -> list[int]:
        """Those of `blocks` that have a single user."""
        return [block for block in blocks if self._ref_counts[block] == 1]

    def forget(self, blocks: Iterable[int]) -> None:
        """Make the content of `blocks` unfindable, because it is overwritten or not to be
        trusted."""
        for block in blocks:
            block_hash = self._hash_of_block.pop(block, None)
            if block_hash is not None:
                del self._block_of_hash[block_hash]

    def check_integrity(self) -> None:
        """Raises AssertionError unless every block is in exactly one state. For tests and idle
        moments."""
        in_use = {block for block, count in enumerate(self._ref_counts) if count}
        empty, cached = set(self._empty), set(self._cached)
        assert len(self._empty) == len(empty), "a block is empty twice"
        states = len(in_use) + len(empty) + len(cached)
        assert len(in_use | empty | cached) == states, "a block has two states"
        assert states == self.num_blocks, "a block is lost"
        assert cached <= self._hash_of_block.keys(), "a cached block has no hash"
        assert not empty & self._hash_of_block.keys(), "an empty block can still be found"
        assert {block: h for h, block in self._block_of_hash.items()} == self._hash_of_block

    def _allocate_one(self) -> int:
        if self._empty:
            block = self._empty.pop()
        else:
            block, _ = self._cached.popitem(last=False)
            self.forget((block,))
        self._ref_counts[block] = 1
        return block
