"""A rank that follows: does with its part of the decoder what rank 0 does with its own."""

from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection

import torch

from models.architectures.causal_lm import CausalLM
from models.parallel.ranks import Ranks
from runners.engine.kv_cache import KVCache
from runners.engine.parallel_message import (
    Message,
    MessageKind,
    read_cache,
    read_edit,
    read_forward,
)


class ParallelFollower:
    def __init__(self, decoder: CausalLM, ranks: Ranks) -> None:
        self._decoder = decoder
        self._ranks = ranks
        self._caches: dict[int, KVCache] = {}
        self._answers: dict[MessageKind, Callable[[Message], None]] = {
            MessageKind.NEW_CACHE: self._new_cache,
            MessageKind.DROP_CACHE: self._drop_cache,
            MessageKind.EDIT_CACHE: self._edit_cache,
            MessageKind.FORWARD: self._forward,
            MessageKind.LOGITS: self._logits,
        }

    def follow(self, connection: Connection) -> None:
        """Until rank 0 closes its end, or is gone."""
        while True:
            try:
                packed = connection.recv_bytes()
            except (EOFError, ConnectionError):
                return
            message = Message.unpack(packed)
            self._answers[message.kind](message)

    def _new_cache(self, message: Message) -> None:
        num_blocks, block_size, dtype = read_cache(message.body)
        shape = replace(self._decoder.cache_shape, dtype=dtype)
        device = self._decoder.device
        self._caches[message.subject] = KVCache(shape, num_blocks, block_size, device)

    def _drop_cache(self, message: Message) -> None:
        del self._caches[message.subject]

    def _edit_cache(self, message: Message) -> None:
        self._caches[message.subject].layers.edit(read_edit(message.body))

    def _forward(self, message: Message) -> None:
        num_threads, batch = read_forward(message.body, self._decoder.device)
        if torch.get_num_threads() != num_threads:
            torch.set_num_threads(num_threads)
        self._decoder.forward(batch, self._caches[message.subject].layers)

    @torch.inference_mode()
    def _logits(self, message: Message) -> None:
        decoder = self._decoder
        size = (message.subject, decoder.hidden_size)
        hidden = torch.empty(size, dtype=decoder.cache_shape.dtype, device=decoder.device)
        self._ranks.broadcast(hidden)
        decoder.logits(hidden)
