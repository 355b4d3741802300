"""How one step's rows attend, alike for every layer: by the CPU's kernel, by Triton's or by torch's
operators, and for those which cache slots to gather and what to mask.

Made from the ForwardBatch at the top of a forward pass, read by `attention.py` in each layer. To
torch's operators rows are of two kinds. Sequences with one new token are batched, in groups of
similar length, into one gather and one attention call each. Longer chunks attend one by one, in
tiles of rows, so that memory grows with TILE_ROWS x context and never with the square of a prompt.

Only slots that a row's own sequence has written are ever gathered, padding included: a NaN that one
sequence left in its blocks cannot reach another.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from models.kernels import library
from models.kernels.operators import HEAD_DIM_MULTIPLE
from models.kernels.triton import support
from models.layers.forward_batch import ForwardBatch, LayerCache
from models.layers.upload import upload

if TYPE_CHECKING:
    from models.kernels.triton.paged_attention import Tiles

TILE_ROWS = 128
GROUP_TOKENS = 16384
"""Decode rows share a gather until it holds so many cached tokens."""
SMALLEST_GROUP_TOKENS = 256
"""Contexts up to this length count as equally long."""

Rows = slice | torch.Tensor
"""Rows of the packed batch: a slice where they are consecutive, else [n] int64."""


@dataclass(frozen=True, slots=True)
class DecodeGroup:
    """Sequences with one new token each, padded to the longest of them."""

    rows: Rows
    slots: torch.Tensor
    """[num_rows * longest]: each row's attended slots, the last repeated up to the longest."""
    mask: torch.Tensor
    """[num_rows, 1, 1, longest]: 0 where attended, -inf where padded."""


@dataclass(frozen=True, slots=True)
class Tile:
    """Up to TILE_ROWS consecutive rows of one chunk."""

    rows: slice
    keys: slice
    """The attended part of the chunk's slots."""
    mask: torch.Tensor
    """[num_rows, num_keys]: 0 where attended, else -inf."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Several new tokens of one sequence."""

    slots: torch.Tensor
    """[num_keys], in order."""
    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """All rows' work under one sliding window, or under none."""

    groups: tuple[DecodeGroup, ...]
    chunks: tuple[Chunk, ...]


class AttentionPlan:
    """Decides whether a kernel attends, which needs a small tensor or two, or torch's operators,
    which need gathers and masks; those are built when a layer first asks for them."""

    __slots__ = (
        "_block_size",
        "_dtype",
        "_reaches",
        "_tiles",
        "batch",
        "context_lens",
        "query_starts",
        "uses_triton",
    )

    def __init__(self, batch: ForwardBatch, cache: LayerCache) -> None:
        """`cache` is any layer's."""
        keys = cache[0]
        self.batch = batch
        self._block_size = keys.shape[1]
        self._dtype = keys.dtype
        self._reaches: dict[int | None, Reach] = {}
        self.query_starts: torch.Tensor | None = None
        """[num_seqs + 1] int32, as the batch's, where the kernel attends; else None."""
        self.context_lens: torch.Tensor | None = None
        """[num_seqs] int32, likewise."""
        self.uses_triton = support.runs_on(keys.device)
        self._tiles: dict[int, tuple[Tiles, ...]] = {}
        if not self.uses_triton and _has_kernel(keys):
            self.query_starts = torch.from_numpy(np.array(batch.query_starts, dtype=np.int32))
            self.context_lens = torch.from_numpy(np.array(batch.context_lens, dtype=np.int32))

    def reach(self, window: int | None) -> Reach:
        """What layers with this sliding window gather and mask."""
        # A window wider than every context hides nothing.
        if window is not None and window >= self.batch.longest_context:
            window = None
        if window not in self._reaches:
            self._reaches[window] = _reach(self.batch, self._block_size, self._dtype, window)
        return self._reaches[window]

    def tiles(self, group_size: int) -> tuple["Tiles", ...]:
        """What Triton's kernel works on, where each key head has so many query heads."""
        if group_size not in self._tiles:
            self._tiles[group_size] = _tiles(self.batch, group_size)
        return self._tiles[group_size]


def _tiles(batch: ForwardBatch, group_size: int) -> tuple["Tiles", ...]:
    """Rows of sequences with one new token each, then those of longer chunks."""
    from models.kernels.triton.paged_attention import Tiles, rows_per_tile

    device = batch.positions.device
    if batch.num_tokens == batch.num_seqs:
        # Made on the device alone: a captured graph makes it again.
        rows = torch.arange(batch.num_seqs, dtype=torch.int32, device=device)
        return (Tiles(torch.stack((rows, torch.ones_like(rows), rows), dim=1), is_decode=True),)
    height = rows_per_tile(group_size)
    decodes, chunks = list[tuple[int, int, int]](), list[tuple[int, int, int]]()
    for sequence, num_rows in enumerate(batch.query_lens):
        start = batch.query_starts[sequence]
        if num_rows == 1:
            decodes.append((start, 1, sequence))
        for top in range(0, num_rows if num_rows > 1 else 0, height):
            chunks.append((start + top, min(height, num_rows - top), sequence))
    return tuple(
        Tiles(upload(np.array(tiles), np.int32, device), is_decode)
        for tiles, is_decode in ((decodes, True), (chunks, False))
        if tiles
    )


def _has_kernel(keys: torch.Tensor) -> bool:
    if keys.device.type != "cpu" or not library.is_loaded():
        return False
    if keys.dtype == torch.int8:
        return True
    return keys.dtype == torch.float32 and keys.shape[3] % HEAD_DIM_MULTIPLE == 0


def _reach(batch: ForwardBatch, block_size: int, dtype: torch.dtype, window: int | None) -> Reach:
    decodes = [i for i, num_rows in enumerate(batch.query_lens) if num_rows == 1]
    chunks = [i for i, num_rows in enumerate(batch.query_lens) if num_rows > 1]
    return Reach(
        tuple(
            _decode_group(batch, seqs, block_size, dtype, window)
            for seqs in _similar_lengths(batch.context_lens, decodes)
        ),
        _chunks(batch, chunks, block_size, dtype, window) if chunks else (),
    )


def _similar_lengths(context_lens: Sequence[int], seqs: Sequence[int]) -> list[list[int]]:
    """Split `seqs` so that padding at most doubles a gather, and none outgrows GROUP_TOKENS."""
    by_magnitude: defaultdict[int, list[int]] = defaultdict(list)
    for seq in seqs:
        by_magnitude[max(context_lens[seq] - 1, SMALLEST_GROUP_TOKENS - 1).bit_length()].append(seq)
    groups = []
    for magnitude, members in by_magnitude.items():
        size = max(1, GROUP_TOKENS >> magnitude)
        groups += [members[i : i + size] for i in range(0, len(members), size)]
    return groups


def _decode_group(
    batch: ForwardBatch,
    seqs: Sequence[int],
    block_size: int,
    dtype: torch.dtype,
    window: int | None,
) -> DecodeGroup:
    device = batch.block_tables.device
    lasts = [batch.context_lens[seq] - 1 for seq in seqs]
    firsts = [0 if window is None else max(0, last - window + 1) for last in lasts]
    longest = max(last - first for last, first in zip(lasts, firsts, strict=True)) + 1
    first, last = torch.tensor([firsts, lasts], device=device)[:, :, None]
    positions = first + torch.arange(longest, device=device)  # [num_rows, longest]
    padded = positions > last
    mask = torch.zeros(padded.shape, dtype=dtype, device=device).masked_fill_(padded, -torch.inf)
    slots = _slots(batch.block_tables[_rows(seqs, device)], positions.minimum(last), block_size)
    rows = [batch.query_starts[seq] for seq in seqs]
    return DecodeGroup(_rows(rows, device), slots.flatten(), mask[:, None, None, :])


def _slots(tables: torch.Tensor, positions: torch.Tensor, block_size: int) -> torch.Tensor:
    """tables [n, max_blocks], positions [n, m] -> [n, m]: where those positions' tokens lie."""
    blocks = tables.gather(1, positions // block_size)
    return blocks * block_size + positions % block_size


def _rows(indices: Sequence[int], device: torch.device) -> Rows:
    if indices[-1] - indices[0] == len(indices) - 1:
        return slice(indices[0], indices[-1] + 1)
    return torch.tensor(indices, device=device)


def _chunks(
    batch: ForwardBatch,
    seqs: Sequence[int],
    block_size: int,
    dtype: torch.dtype,
    window: int | None,
) -> tuple[Chunk, ...]:
    """All tiles' masks are lower-right corners of one matrix: the last row sees the last key."""
    num_rows = min(TILE_ROWS, max(batch.query_lens))
    longest = max(batch.context_lens[seq] for seq in seqs)
    num_keys = longest if window is None else min(longest, window + num_rows - 1)
    hidden = torch.full(
        (num_rows, num_keys), -torch.inf, dtype=dtype, device=batch.positions.device
    )
    corner = hidden.triu(num_keys - num_rows + 1)
    if window is not None:
        corner += hidden.tril(num_keys - num_rows - window)
    return tuple(_chunk(batch, seq, block_size, corner, window) for seq in seqs)


def _chunk(
    batch: ForwardBatch, seq: int, block_size: int, corner: torch.Tensor, window: int | None
) -> Chunk:
    start, stop = batch.query_starts[seq : seq + 2]
    context_len = batch.context_lens[seq]
    position_of_row_0 = context_len - stop
    first_key = 0 if window is None else max(0, position_of_row_0 + start - window + 1)
    positions = torch.arange(first_key, context_len, device=batch.positions.device)
    slots = _slots(batch.block_tables[seq : seq + 1], positions[None], block_size)
    tiles = []
    for top in range(start, stop, TILE_ROWS):
        bottom = min(top + TILE_ROWS, stop)
        last_key = position_of_row_0 + bottom
        oldest = 0 if window is None else max(0, position_of_row_0 + top - window + 1)
        mask = corner[corner.shape[0] - (bottom - top) :, corner.shape[1] - (last_key - oldest) :]
        keys = slice(oldest - first_key, last_key - first_key)
        tiles.append(Tile(slice(top, bottom), keys, mask))
    return Chunk(slots.flatten(), tuple(tiles))
