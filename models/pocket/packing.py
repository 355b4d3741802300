"""Shards of packed rows: each conversation whole in one row, numbered to keep it from the others.

Rows come in a few lengths, because attention costs the square of a row, and in rows of one length
it was a large part of a step. Shard k is a pure function of the seed, k and the mixture it was
asked for, so a resumed run reads what an uninterrupted one would have read.
"""

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.pocket.chat import ChatEncoder, Encoded
from models.pocket.data.mixture import draw
from models.pocket.data.splits import Split

ROWS_PER_STEP = {128: 12, 256: 24, 384: 3}
"""Row length -> rows of one training step, in the proportion of the mixture's lengths."""
STEPS_PER_SHARD = 40
TOKENS_PER_STEP = sum(length * rows for length, rows in ROWS_PER_STEP.items())
TOKENS_PER_SHARD = TOKENS_PER_STEP * STEPS_PER_SHARD
_FILL = 0.985


@dataclass(frozen=True, slots=True)
class PackedRows:
    """Rows of one length, each array [rows, length].

    Token ids, conversation numbers (0 is padding), whether the token that follows is trained on.
    """

    ids: NDArray[np.int32]
    documents: NDArray[np.int16]
    trained: NDArray[np.bool_]

    def part(self, step: int) -> "PackedRows":
        """The rows of one step of the shard."""
        count = len(self.ids) // STEPS_PER_SHARD
        rows = slice(step * count, (step + 1) * count)
        return PackedRows(self.ids[rows], self.documents[rows], self.trained[rows])


Shard = tuple[PackedRows, ...]
"""One for each length of ROWS_PER_STEP, each with the rows of STEPS_PER_SHARD steps."""


def build_shard(
    encoder: ChatEncoder, seed: int, index: int, late: float, steps: int = STEPS_PER_SHARD
) -> Shard:
    """Fresh conversations in rows for `steps` steps; those longer than every row are dropped."""
    rng = random.Random(seed * 1_000_003 + index)
    pool: list[Encoded] = []
    # A few per cent of the room stay empty, so that almost no drawn conversation is left over.
    budget = int(TOKENS_PER_STEP * steps * _FILL)
    while budget > 0:
        example = draw(rng, Split.TRAIN, late)
        encoded = encoder.encode(example.messages, example.tools)
        if len(encoded.ids) <= max(ROWS_PER_STEP):
            pool.append(encoded)
            budget -= len(encoded.ids)
    packed = _packed(pool, steps)
    for bins in packed.values():
        rng.shuffle(bins)
    return tuple(_arrays(bins, length, rng) for length, bins in packed.items())


def _packed(pool: list[Encoded], steps: int) -> dict[int, list[list[Encoded]]]:
    """Best fit over rows of every length: long conversations first, each into the least room."""
    bins: dict[int, list[list[Encoded]]] = {}
    by_room: list[list[list[Encoded]]] = [[] for _ in range(max(ROWS_PER_STEP) + 1)]
    for length, rows in ROWS_PER_STEP.items():
        bins[length] = [[] for _ in range(rows * steps)]
        by_room[length] = list(bins[length])
    for encoded in sorted(pool, key=lambda e: -len(e.ids)):
        size = len(encoded.ids)
        room = next((r for r in range(size, len(by_room)) if by_room[r]), None)
        if room is not None:
            row = by_room[room].pop()
            row.append(encoded)
            by_room[room - size].append(row)
    return bins


def _arrays(bins: list[list[Encoded]], length: int, rng: random.Random) -> PackedRows:
    ids = np.zeros((len(bins), length), np.int32)
    documents = np.zeros((len(bins), length), np.int16)
    trained = np.zeros((len(bins), length), np.bool_)
    for row, conversations in enumerate(bins):
        rng.shuffle(conversations)
        start = 0
        for number, encoded in enumerate(conversations, 1):
            end = start + len(encoded.ids)
            ids[row, start:end] = encoded.ids
            documents[row, start:end] = number
            trained[row, start : end - 1] = encoded.spoken[1:]
            start = end
    return PackedRows(ids, documents, trained)
