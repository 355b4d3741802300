"""Decoding steps recorded once per batch size and then replayed as a whole: a GPU computes a small
step faster than a host can launch its hundreds of kernels one by one.

A recording works on buffers that stay where they are. A step copies its inputs into those of the
smallest size that holds it; the rows that are left over compute a token of their own in a block
that belongs to nobody. Nothing recorded may depend on numbers that the host knows, so this takes a
network whose attention reads positions on the device.
"""

import logging
from collections.abc import Callable, Sequence

import numpy as np
import torch

from models.architectures.causal_lm import CausalLM
from models.architectures.decoder import Decoder
from models.kernels.triton import support
from models.layers.forward_batch import ForwardBatch
from models.layers.inference import inference
from models.layers.upload import staged
from models.workshop.progress import track
from runners.engine.kv_cache import KVCache

logger = logging.getLogger(__name__)

STRIDE, WIDE_STRIDE = 8, 32
"""Between sizes from 8 on, and from 64 on."""

Recording = tuple[Callable[[], None], torch.Tensor]
"""What repeats a computation, and where its result lies each time."""
Recorder = Callable[[Callable[[], torch.Tensor]], Recording]


class CudaRecorder:
    """Into CUDA graphs, which share the memory of what lies between inputs and results."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, compute: Callable[[], torch.Tensor]) -> Recording:
        # Once outside: it compiles kernels, and fills tables that later steps share.
        compute()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        # thread_local: another thread, of an encoder say, may allocate meanwhile
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            result = compute()
        return graph.replay, result


class _Step:
    """A recorded step of `size` sequences."""

    def __init__(
        self,
        model: CausalLM,
        kv_cache: KVCache,
        *,
        size: int,
        max_model_len: int,
        record: Recorder,
    ) -> None:
        self._size = size
        self._kv_cache = kv_cache
        device = model.device
        max_blocks = -(-max_model_len // kv_cache.block_size)
        # Padding's token 0 at position 0 lies at the beginning of the spare block.
        self._rows = torch.zeros(3, size, dtype=torch.int64, device=device)
        self._rows[2] = kv_cache.spare_block * kv_cache.block_size
        self._tables = torch.full(
            (size, max_blocks), kv_cache.spare_block, dtype=torch.int32, device=device
        )
        input_ids, positions, slots = self._rows.unbind()
        batch = ForwardBatch(
            input_ids=input_ids,
            positions=positions,
            slot_mapping=slots,
            block_tables=self._tables,
            query_starts=tuple(range(size + 1)),
            context_lens=(max_model_len,) * size,  # as long as they may become
        )
        self._replay, self._logits = record(
            lambda: model.logits(model.forward(batch, kv_cache.layers))
        )

    def run(
        self, token_ids: Sequence[int], positions: Sequence[int], tables: Sequence[Sequence[int]]
    ) -> torch.Tensor:
        block_size, spare = self._kv_cache.block_size, self._kv_cache.spare_block
        num_rows = len(token_ids)
        rows = np.zeros((3, self._size), dtype=np.int64)
        rows[0, :num_rows] = token_ids
        rows[1, :num_rows] = positions
        rows[2] = spare * block_size
        blocks = np.full(self._tables.shape, spare, dtype=np.int32)
        for row, (position, table) in enumerate(zip(positions, tables, strict=True)):
            blocks[row, : len(table)] = table
            rows[2, row] = table[position // block_size] * block_size + position % block_size
        device = self._rows.device
        self._rows.copy_(staged(rows, np.int64, device), non_blocking=True)
        self._tables.copy_(staged(blocks, np.int32, device), non_blocking=True)
        self._replay()
        return self._logits[:num_rows]


class DecodeGraphs:
    """All sizes' recordings; made once, before the first request."""

    def __init__(
        self,
        model: CausalLM,
        kv_cache: KVCache,
        *,
        max_num_seqs: int,
        max_model_len: int,
        record: Recorder | None = None,
    ) -> None:
        """`record` None: into CUDA graphs."""
        record = record or CudaRecorder()
        self._sizes = ladder(max_num_seqs)
        # From the largest, whose memory the others then find big enough.
        sizes = track(self._sizes[::-1], "recording decode steps")
        self._steps = {
            size: _Step(model, kv_cache, size=size, max_model_len=max_model_len, record=record)
            for size in sizes
        }
        logger.info("decode steps recorded for %s sequences", ", ".join(map(str, self._sizes)))

    @inference
    def run(
        self, token_ids: Sequence[int], positions: Sequence[int], tables: Sequence[Sequence[int]]
    ) -> torch.Tensor:
        """Of each sequence its newest token, that token's position and its block table -> logits
        [num_sequences, vocab_size] fp32, which the next call overwrites."""
        size = next(size for size in self._sizes if size >= len(token_ids))
        return self._steps[size].run(token_ids, positions, tables)


def can_record(model: CausalLM) -> bool:
    """Whether all of the model's step runs on its device, from what lies there."""
    return isinstance(model, Decoder) and support.runs_on(model.device)


def ladder(max_num_seqs: int) -> tuple[int, ...]:
    """The sizes that are recorded, rising to max_num_seqs: padding wastes at most a third of a
    larger step."""
    sizes = [1, 2, 4, *range(STRIDE, 64, STRIDE), *range(64, max_num_seqs, WIDE_STRIDE)]
    return (*(size for size in sizes if size < max_num_seqs), max_num_seqs)


def recorded_bytes(model: CausalLM, *, max_num_seqs: int, block_size: int) -> int:
    """What recordings will keep on the device: block tables of every size, and the largest step's
    logits as the network has them and as fp32. 0 where nothing is recorded."""
    if not can_record(model):
        return 0
    tables = sum(ladder(max_num_seqs)) * -(-model.max_model_len // block_size) * 4
    return tables + max_num_seqs * model.vocab_size * (4 + model.cache_shape.dtype.itemsize)
