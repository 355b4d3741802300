"""Rows of token ids as rectangles that a Hugging Face forward takes."""

from collections.abc import Iterator, Sequence

import torch

TOKENS_PER_FORWARD = 4096
"""Padding included. Beyond a few thousand the matrix products are no faster, and the scores grow by
the square."""


def padded(
    rows: Sequence[Sequence[int]], pad: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask, each [len(rows), longest]; what stands under a 0 of the mask does not
    matter."""
    longest = max(map(len, rows))
    ids = [[*row, *[pad] * (longest - len(row))] for row in rows]
    mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def sub_batches(
    lengths: Sequence[int], token_budget: int = TOKENS_PER_FORWARD
) -> Iterator[list[int]]:
    """Indices of rows of similar length whose padded rectangle fits the budget; a row that alone is
    over it goes alone."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        # ascending, so this row is the longest of its batch
        if batch and (len(batch) + 1) * lengths[index] > token_budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
