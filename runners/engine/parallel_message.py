"""What rank 0 tells the ranks that follow it: one array of integers for each message.

Travels over a pipe, where a rank can wait for hours; what the ranks then exchange in the midst of a
forward pass is none of its business.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import torch

from models.layers.cache_layers import BlockEdit
from models.layers.forward_batch import ForwardBatch

_DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.int8, torch.float8_e4m3fn)
"""Of caches."""


class MessageKind(IntEnum):
    NEW_CACHE = 0
    DROP_CACHE = 1
    EDIT_CACHE = 2
    FORWARD = 3
    LOGITS = 4


@dataclass(frozen=True, slots=True)
class Message:
    kind: MessageKind
    subject: int
    """The number of a cache; of LOGITS, how many rows are wanted."""
    body: np.ndarray
    """[n] int64, read by the function below that belongs to the kind."""

    def pack(self) -> bytes:
        return np.concatenate(([self.kind, self.subject], self.body)).astype(np.int64).tobytes()

    @classmethod
    def unpack(cls, packed: bytes) -> "Message":
        kind, subject, *_ = values = np.frombuffer(packed, dtype=np.int64)
        return cls(MessageKind(kind), int(subject), values[2:])


def edit_body(edit: BlockEdit) -> np.ndarray:
    blocks, sources = edit
    return np.array([len(blocks), *blocks, *(sources or ())], dtype=np.int64)


def read_edit(body: np.ndarray) -> BlockEdit:
    count, *blocks = body.tolist()
    return blocks[:count], blocks[count:] or None


def forward_body(batch: ForwardBatch) -> np.ndarray:
    """The batch but for `hidden_rows`, and torch's number of threads before it: rank 0 has measured
    how many a step wants."""
    num_seqs, width = batch.block_tables.shape
    tensors = (batch.input_ids, batch.positions, batch.slot_mapping, batch.block_tables)
    return np.concatenate(
        (
            [torch.get_num_threads(), batch.num_tokens, num_seqs, width],
            *(tensor.flatten().cpu().numpy() for tensor in tensors),
            batch.query_starts,
            batch.context_lens,
        )
    )


def read_forward(body: np.ndarray, device: torch.device) -> tuple[int, ForwardBatch]:
    num_threads, num_tokens, num_seqs, width = body[:4].tolist()
    sizes = [num_tokens] * 3 + [num_seqs * width, num_seqs + 1, num_seqs]
    ids, positions, slots, tables, starts, lengths = np.split(body[4:], np.cumsum(sizes)[:-1])
    return num_threads, ForwardBatch(
        input_ids=_tensor(ids, device),
        positions=_tensor(positions, device),
        slot_mapping=_tensor(slots, device),
        block_tables=_tensor(tables.astype(np.int32), device).view(num_seqs, width),
        query_starts=tuple(starts.tolist()),
        context_lens=tuple(lengths.tolist()),
    )


def _tensor(values: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(values.copy()).to(device)


def cache_body(num_blocks: int, block_size: int, dtype: torch.dtype) -> np.ndarray:
    return np.array([num_blocks, block_size, _DTYPES.index(dtype)], dtype=np.int64)


def read_cache(body: np.ndarray) -> tuple[int, int, torch.dtype]:
    num_blocks, block_size, dtype = body.tolist()
    return num_blocks, block_size, _DTYPES[dtype]
