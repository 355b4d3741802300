"""Which split a word, a phrasing or a number pair belongs to.

The partition is a pure function of the text, so the training set cannot meet the test set
however the generator is called: every entity and every phrasing has exactly one split, and a
generator asks only for its own.
"""

import zlib
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import TypeVar


class Split(StrEnum):
    """Train teaches, validation steers the mixture, test is read by the scoring script alone."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


_BUCKETS = 20
Phrase = TypeVar("Phrase")


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


@lru_cache(maxsize=8192)
def _phrasings(split: Split, phrases: tuple[Phrase, ...]) -> tuple[Phrase, ...]:
    held_out, spare = max(1, len(phrases) // 6), max(1, len(phrases) // 12)
    if len(phrases) < held_out + spare + 2:
        raise ValueError(f"{len(phrases)} phrasings are too few to hold two out: {phrases!r}")
    if split is Split.TEST:
        return phrases[-held_out:]
    if split is Split.VALIDATION:
        return phrases[-held_out - spare : -held_out]
    return phrases[: -held_out - spare]


def phrasings(split: Split, phrases: Sequence[Phrase]) -> tuple[Phrase, ...]:
    """The phrasings `split` may use: the last sixth (at least one) of every list is the test set's
    alone, the twelfth before it the validation set's.
    """
    return _phrasings(split, tuple(phrases))
