"""Which split a word, a phrasing or a number pair belongs to.

The partition is a pure function of the text, so the training set cannot meet the test set
however the generator is called: every entity and every phrasing has exactly one split, and a
generator asks only for its own.
"""

import zlib
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache


class Split(StrEnum):
    """Train teaches, validation steers the mixture, test is read by the scoring script alone."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


_BUCKETS = 20


@lru_cache(maxsize=1 << 18)
def split_of(text: str) -> Split:
    """The split that owns `text`: 85 % train, 5 % validation, 10 % test, ignoring case."""
    bucket = zlib.crc32(text.lower().encode()) % _BUCKETS
    if bucket < 2:
        return Split.TEST
    return Split.VALIDATION if bucket == 2 else Split.TRAIN


@lru_cache(maxsize=4096)
def owned(split: Split, pool: tuple[str, ...]) -> tuple[str, ...]:
    """The entries of `pool` that `split` owns; pools must be large enough that none is empty."""
    mine = tuple(word for word in pool if split_of(word) is split)
    if not mine:
        raise ValueError(
            f"a pool of {len(pool)} words ({pool[0]!r}, ...) leaves {split} empty; add words"
        )
    return mine


@lru_cache(maxsize=4096)
def _phrasings(split: Split, phrases: tuple[str, ...]) -> tuple[str, ...]:
    held_out = max(1, len(phrases) // 6)
    if len(phrases) < held_out + 2:
        raise ValueError(f"{len(phrases)} phrasings are too few to hold one out: {phrases!r}")
    if split is Split.TEST:
        return phrases[-held_out:]
    # Short lists cannot spare a second one: there validation phrases as training does. It is not
    # reported.
    spare = 1 if len(phrases) >= 8 else 0
    if split is Split.VALIDATION:
        return phrases[-held_out - 1 : -held_out]
    return phrases[: -held_out - spare]


def phrasings(split: Split, phrases: Sequence[str]) -> tuple[str, ...]:
    """The phrasings `split` may use: the last sixth (at least one) of every list is the test set's
    alone.
    """
    return _phrasings(split, tuple(phrases))
