"""The grammars of one step: their masks side by side in one tensor, added to the logits.

A mask takes microseconds (some 20 for a vocabulary of 3,000, some 200 for one of 150,000), so they
are computed in line: a thread beside the forward made steps longer, for Python's lock. They come
after the forward has been launched, so that an accelerator is busy meanwhile.
"""

from collections.abc import Sequence as SequenceOf

import numpy as np
import torch

from models.layers.upload import upload
from runners.engine.grammar import GrammarError
from runners.engine.selection import forbid
from runners.engine.sequence import Sequence

_BIAS = np.where(
    np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little"),
    np.float32(0),
    np.float32(-np.inf),
)
"""[256, 8]: a byte of a mask -> what it adds to eight logits. A masked fill takes ten times as
long: its branches cannot be predicted."""


class GrammarMasks:
    """`errors`: row -> why its grammar gave up; the row is left unmasked then."""

    def __init__(self, sequences: SequenceOf[Sequence], vocab_size: int) -> None:
        """`sequences` are in the order of the logits' rows; those without a grammar are passed
        over."""
        self.errors: dict[int, GrammarError] = {}
        self._sequences = sequences
        self._vocab_size = vocab_size
        self._rows = [row for row, sequence in enumerate(sequences) if sequence.grammar is not None]
        num_words = -(-vocab_size // 32)
        self._bits = np.empty((len(self._rows), num_words * 4), dtype=np.uint8)
        first_address = self._bits.ctypes.data
        for place, row in enumerate(self._rows):
            try:
                address = first_address + place * num_words * 4
                self._fill(self._bits[place], address, sequences[row])
            except GrammarError as error:
                self.errors[row] = error
                self._bits[place] = 0xFF

    def apply(self, logits: torch.Tensor) -> None:
        """logits [num_sequences, vocab_size] fp32: what a grammar forbids becomes -inf, in
        place."""
        if not self._rows or forbid(logits, self._rows, self._bits):
            return
        bias = self._bias(logits.device)[:, : self._vocab_size]
        if len(self._rows) == len(logits):
            logits += bias
        else:
            for place, row in enumerate(self._rows):
                logits[row] += bias[place]

    def settle(self, token_ids: list[int], finite: list[bool]) -> None:
        """Replace, in place, drawn tokens after which a grammar could not be closed in time."""
        for row in self._rows:
            sequence = self._sequences[row]
            if row in self.errors or not finite[row] or sequence.forced_ids:
                continue
            assert sequence.grammar is not None
            try:
                token_ids[row] = sequence.grammar.settle(token_ids[row], sequence.num_remaining)
            except GrammarError as error:
                self.errors[row] = error

    def _fill(self, bits: np.ndarray, address: int, sequence: Sequence) -> None:
        """bits [num_bytes] uint8 at `address`, overwritten. Raises GrammarError."""
        if sequence.forced_ids:
            bits[:] = 0
            _allow(bits, sequence.forced_ids[0])
            return
        assert sequence.grammar is not None
        sequence.grammar.fill(address, bits.nbytes, sequence.num_remaining)
        if sequence.num_output_tokens < sequence.request.params.min_tokens:
            _forbid_unless_last(bits, sequence.stop_ids)

    def _bias(self, device: torch.device) -> torch.Tensor:
        """[num_rows, 32 * num_words] fp32 on the device: 0 or -inf."""
        if device.type == "cpu":
            bias = torch.from_numpy(_BIAS.take(self._bits, axis=0))
        else:
            table = upload(_BIAS, np.float32, device)
            bias = table[upload(self._bits, np.uint8, device).int()]
        return bias.flatten(1)


def _allow(bits: np.ndarray, token_id: int) -> None:
    bits[token_id >> 3] |= 1 << (token_id & 7)


def _forbid_unless_last(bits: np.ndarray, token_ids: frozenset[int]) -> None:
    """min_tokens delays the end as far as the grammar lets it."""
    kept = bits.copy()
    for token_id in token_ids:
        kept[token_id >> 3] &= 0xFF ^ (1 << (token_id & 7))
    if kept.any():
        bits[:] = kept
