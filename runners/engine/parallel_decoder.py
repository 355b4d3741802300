"""Rank 0's view of a decoder that several processes hold together: a CausalLM like any other.

The other ranks hold caches of the same blocks for their own heads, and do what this one does: each
forward pass, each edit of a cache, is told to them first.
"""

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils.weak import WeakIdKeyDictionary

from models.architectures.causal_lm import CausalLM
from models.layers.cache_layers import BlockEdit, CacheLayers
from models.layers.forward_batch import ForwardBatch, LayerCache
from models.layers.inference import inference
from models.parallel.ranks import RankLostError, Ranks
from runners.engine.parallel_message import (
    Message,
    MessageKind,
    cache_body,
    edit_body,
    forward_body,
)

_NOTHING = np.empty(0, np.int64)


class ParallelDecoder:
    """A `CausalLM`; `cache_shape` is that of this rank's heads, and memory is counted for each
    rank. Once a call has raised RankLostError no other will do."""

    def __init__(self, decoder: CausalLM, ranks: Ranks, send: Callable[[bytes], None]) -> None:
        """`decoder` is rank 0's part; `send` brings a message to every other rank, or raises
        RankLostError."""
        self.vocab_size = decoder.vocab_size
        self.hidden_size = decoder.hidden_size
        self.max_model_len = decoder.max_model_len
        self.cache_shape = decoder.cache_shape
        self.device = decoder.device
        self._decoder = decoder
        self._ranks = ranks
        self._send = send
        self._caches: Any = WeakIdKeyDictionary()  # a cache's first tensor -> its number
        self._num_caches = 0
        self._dropped: list[int] = []

    @inference
    def forward(self, batch: ForwardBatch, caches: Sequence[LayerCache]) -> torch.Tensor:
        """See `CausalLM.forward`."""
        with _as_one():
            self._tell(MessageKind.FORWARD, self._number(caches), forward_body(batch))
            return self._decoder.forward(batch, caches)

    @inference
    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """See `CausalLM.logits`."""
        if not len(hidden):
            return hidden.new_empty(0, self.vocab_size, dtype=torch.float32)
        with _as_one():
            hidden = hidden.contiguous()
            self._tell(MessageKind.LOGITS, len(hidden), _NOTHING)
            self._ranks.broadcast(hidden)
            return self._decoder.logits(hidden)

    def _number(self, caches: Sequence[LayerCache]) -> int:
        """What the other ranks know the cache by. They get it when it is first used: before, there
        is nothing in it."""
        keys = caches[0][0]
        number: int | None = self._caches.get(keys)
        if number is None:
            number = self._caches[keys] = self._num_caches
            self._num_caches += 1
            weakref.finalize(keys, self._dropped.append, number).atexit = False
            if isinstance(caches, CacheLayers):
                caches.on_edit = lambda edit: self._follow(number, edit)
            num_blocks, block_size = keys.shape[:2]
            body = cache_body(num_blocks, block_size, keys.dtype)
            self._tell(MessageKind.NEW_CACHE, number, body)
        return number

    def _follow(self, number: int, edit: BlockEdit) -> None:
        self._tell(MessageKind.EDIT_CACHE, number, edit_body(edit))

    def _tell(self, kind: MessageKind, subject: int, body: np.ndarray) -> None:
        # A cache may be given up on any thread: the ranks hear of it beside the next message.
        while self._dropped:
            self._send(Message(MessageKind.DROP_CACHE, self._dropped.pop(), _NOTHING).pack())
        self._send(Message(kind, subject, body).pack())


@contextmanager
def _as_one() -> Iterator[None]:
    """What fails on one rank leaves the others waiting in the midst of a step."""
    try:
        yield
    except Exception as error:
        raise RankLostError(
            f"rank 0 failed in the midst of a step: {type(error).__name__}: {error}"
        ) from error
