"""From logits to token ids, for all sequences of a step at once.

Every operation works row by row and the randomness is a function of (seed, choice, position), so a
seeded request gets the same tokens alone, in any batch and after a preemption. What is needed for
that lies on the logits' device or is sent there without waiting; the host waits once, for the ids.
"""

import struct
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import torch

from models.layers.inference import inference
from models.layers.upload import upload
from runners.engine.grammar_masks import GrammarMasks
from runners.engine.logit_edits import apply_edits
from runners.engine.request import TokenLogprob
from runners.engine.selection import draw, find_best, find_likeliest, invert
from runners.engine.sequence import Sequence

NUM_PRESELECTED = (64, 512)
"""Candidates that truncated sampling looks at before it falls back to sorting the vocabulary.
Sorting 150k logits per row costs a hundred times the selection, and the nucleus rarely holds more
than a few."""


@dataclass(frozen=True, slots=True)
class Sample:
    """`token_id` is None when the row's logits were not finite; the sequence cannot go on then."""

    token_id: int | None
    logprob: TokenLogprob | None = None


class Sampler:
    @inference
    def sample(
        self,
        logits: torch.Tensor,
        sequences: SequenceOf[Sequence],
        masks: GrammarMasks | None = None,
    ) -> list[Sample]:
        """logits [num_sequences, vocab_size] fp32, overwritten -> one Sample per row."""
        logprobs = _raw_logprobs(logits, sequences)
        apply_edits(logits, sequences)
        if masks is not None:
            masks.apply(logits)
        token_ids, finite = self._draw(logits, sequences)
        if masks is not None:
            masks.settle(token_ids, finite)
        told = _logprobs(logprobs, sequences, token_ids)
        return [
            Sample(token_id, told.get(row)) if finite[row] else Sample(None)
            for row, token_id in enumerate(token_ids)
        ]

    def _draw(
        self, logits: torch.Tensor, sequences: SequenceOf[Sequence]
    ) -> tuple[list[int], list[bool]]:
        """Per row an id, and whether the row was finite; if not, the id means nothing."""
        best = find_best(logits)
        # The CPU's kernels draw from finite rows alone. Elsewhere to ask would be to wait.
        known = best.tolist() if logits.device.type == "cpu" else [0] * len(sequences)
        plain, truncated = _rows_that_sample(sequences, [token_id >= 0 for token_id in known])
        rounds = iter([*(n for n in NUM_PRESELECTED if n < logits.shape[-1]), logits.shape[-1]])
        found = [best]
        if plain:
            uniforms = _uniforms(sequences, plain, logits.device)
            found.append(draw(logits, plain, _temperatures(sequences, plain), uniforms))
        if truncated:
            found += _draw_truncated(logits, sequences, truncated, next(rounds))
        token_ids, *drawn = _fetch(found)
        finite = [token_id >= 0 for token_id in token_ids]
        if plain:
            _assign(token_ids, plain, drawn.pop(0))
        while truncated:
            picks, settled = drawn
            _assign(token_ids, truncated, picks)
            truncated = [row for row, done in zip(truncated, settled, strict=True) if not done]
            if truncated:
                drawn = _fetch(_draw_truncated(logits, sequences, truncated, next(rounds)))
        return token_ids, finite


def _rows_that_sample(
    sequences: SequenceOf[Sequence], can_draw: list[bool]
) -> tuple[list[int], list[int]]:
    """Rows that draw from all that is likely enough, and rows that cut something off first."""
    plain: list[int] = []
    truncated: list[int] = []
    for row, sequence in enumerate(sequences):
        params = sequence.request.params
        if params.is_greedy or not can_draw[row]:
            continue
        is_truncated = params.top_k > 0 or params.top_p < 1.0 or params.min_p > 0.0
        (truncated if is_truncated else plain).append(row)
    return plain, truncated


def _draw_truncated(
    logits: torch.Tensor, sequences: SequenceOf[Sequence], rows: list[int], count: int
) -> list[torch.Tensor]:
    """Ids of the rows, and whether `count` candidates were enough: [len(rows)] int64 each. top_k,
    top_p and min_p each keep a prefix of the candidates in order of probability, so what is kept is
    decided on the most likely few; rows for which those do not settle it look at more."""
    probs, ids = find_likeliest(logits, rows, _temperatures(sequences, rows), count)
    kept, settled = _truncate(probs, sequences, rows, is_whole=count == logits.shape[-1])
    uniforms = _uniforms(sequences, rows, logits.device)
    picks = ids.gather(1, invert(kept, uniforms)[:, None]).squeeze(1)
    return [picks, settled.long()]


def _truncate(
    probs: torch.Tensor, sequences: SequenceOf[Sequence], rows: list[int], *, is_whole: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """probs [num_rows, k], falling -> the same with what is cut set to 0, and per row whether k
    candidates were enough to tell where the cut is. top_p counts the mass within top_k, as
    `transformers` does."""
    params = [sequences[row].request.params for row in rows]
    num_candidates = probs.shape[-1]
    limits = [(p.top_k or num_candidates, p.top_p, p.min_p, p.top_k > 0) for p in params]
    columns = upload(np.array(limits, np.float32), np.float32, probs.device)
    top_k, top_p, min_p, has_top_k = columns[:, :, None].unbind(1)  # [num_rows, 1] each
    ranks = torch.arange(num_candidates, device=probs.device)
    probs = probs.masked_fill(ranks >= top_k, 0.0)
    mass = torch.where(has_top_k > 0, probs.sum(-1, keepdim=True), 1.0)
    before = probs.cumsum(-1) - probs
    keep = before < top_p * mass
    keep |= ranks == 0
    keep &= probs >= min_p * probs[:, :1]
    cut_seen = torch.where(has_top_k[:, 0] > 0, top_k[:, 0] <= num_candidates, ~keep[:, -1])
    return probs * keep, cut_seen | is_whole


def _temperatures(sequences: SequenceOf[Sequence], rows: list[int]) -> list[float]:
    return [sequences[row].request.params.temperature for row in rows]


def _uniforms(
    sequences: SequenceOf[Sequence], rows: list[int], device: torch.device
) -> torch.Tensor:
    """One number in [0, 1) per row from (seed, choice, position): [len(rows)] fp64."""
    numbers = []
    for row in rows:
        sequence = sequences[row]
        key = struct.pack("<qqq", sequence.seed, sequence.index, sequence.num_tokens)
        digest = blake2b(key, digest_size=8).digest()
        numbers.append((int.from_bytes(digest, "little") >> 11) * 2.0**-53)
    return upload(numbers, np.float64, device)


def _fetch(found: list[torch.Tensor]) -> list[list[int]]:
    """All to the host in one copy, for which it waits."""
    numbers = iter((torch.cat(found) if len(found) > 1 else found[0]).tolist())
    return [[next(numbers) for _ in range(len(tensor))] for tensor in found]


def _assign(token_ids: list[int], rows: list[int], picks: list[int]) -> None:
    for row, token_id in zip(rows, picks, strict=True):
        token_ids[row] = token_id


def _raw_logprobs(logits: torch.Tensor, sequences: SequenceOf[Sequence]) -> dict[int, torch.Tensor]:
    """Log-probabilities [vocab_size] of the rows that want them, before any edit."""
    rows = [i for i, s in enumerate(sequences) if s.request.params.logprobs is not None]
    if not rows:
        return {}
    chosen = logits[upload(rows, np.int64, logits.device)]
    return dict(zip(rows, chosen.log_softmax(-1), strict=True))


def _logprobs(
    logprobs: dict[int, torch.Tensor], sequences: SequenceOf[Sequence], token_ids: list[int]
) -> dict[int, TokenLogprob]:
    """What the rows that want it are told: one more copy, for all of them."""
    if not logprobs:
        return {}
    found = []
    for row, values in logprobs.items():
        top, ids = values.topk(sequences[row].request.params.logprobs or 0)
        # fp64 holds every id and every fp32 exactly
        found.append(torch.cat((values[token_ids[row], None].double(), top.double(), ids.double())))
    numbers = iter(torch.cat(found).tolist())
    told = {}
    for row, tensor in zip(logprobs, found, strict=True):
        own, *rest = [next(numbers) for _ in range(len(tensor))]
        top_values, top_ids = rest[: len(rest) // 2], rest[len(rest) // 2 :]
        pairs = zip(map(int, top_ids), top_values, strict=True)
        told[row] = TokenLogprob(token_ids[row], own, tuple(pairs))
    return told
