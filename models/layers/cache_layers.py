"""The paged cache's tensors, and what is done to whole blocks of them outside of a forward pass."""

from collections.abc import Callable, Sequence

import torch

from models.layers.forward_batch import LayerCache

BlockEdit = tuple[Sequence[int], Sequence[int] | None]
"""Blocks that change, and the blocks that they become copies of; None: they become zero."""


class CacheLayers(tuple[LayerCache, ...]):
    """One layer after another, all on one device."""

    on_edit: Callable[[BlockEdit], None] | None = None
    """Told of every edit, so that a part of the cache that lies elsewhere can follow."""

    def clear(self, blocks: Sequence[int]) -> None:
        """Zero `blocks`."""
        self.edit((blocks, None))

    def copy_blocks(self, sources: Sequence[int], targets: Sequence[int]) -> None:
        """Make `targets` copies of `sources`, pair by pair; none is both."""
        self.edit((targets, sources))

    def edit(self, edit: BlockEdit) -> None:
        blocks, sources = edit
        device = self[0][0].device
        targets = torch.tensor(blocks, dtype=torch.int64, device=device)
        origins = None if sources is None else torch.tensor(sources, device=device)
        # As bytes: a GPU indexes no float8.
        for half in (half.view(torch.uint8) for layer in self for half in layer):
            if origins is None:
                half.index_fill_(0, targets, 0)
            else:
                half[targets] = half[origins]
        if self.on_edit is not None:
            self.on_edit(edit)
