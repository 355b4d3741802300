"""From logits to token ids, for all sequences of a step at once.

Every operation works row by row and the randomness is a function of (seed, choice, position), so a
seeded request gets the same tokens alone, in any batch and after a preemption.
"""

import struct
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass
from hashlib import blake2b

import torch

from runners.engine.grammar_masks import GrammarMasks
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
    @torch.inference_mode()
    def sample(
        self,
        logits: torch.Tensor,
        sequences: SequenceOf[Sequence],
        masks: GrammarMasks | None = None,
    ) -> list[Sample]:
        """logits [num_sequences, vocab_size] fp32, overwritten -> one Sample per row."""
        logprobs = _raw_logprobs(logits, sequences)
        _apply_edits(logits, sequences)
        if masks is not None:
            masks.apply(logits)
        best, greedy_ids = find_best(logits)
        token_ids = greedy_ids.tolist()
        finite = best.isfinite().tolist()
        self._draw(logits, sequences, finite, token_ids)
        if masks is not None:
            masks.settle(token_ids, finite)
        return [
            Sample(token_id, _logprob(logprobs.get(row), sequence, token_id))
            if finite[row]
            else Sample(None)
            for row, (sequence, token_id) in enumerate(zip(sequences, token_ids, strict=True))
        ]

    def _draw(
        self,
        logits: torch.Tensor,
        sequences: SequenceOf[Sequence],
        finite: list[bool],
        token_ids: list[int],
    ) -> None:
        """Replace the greedy ids of the rows that sample."""
        plain: list[int] = []
        truncated: list[int] = []
        for row, sequence in enumerate(sequences):
            params = sequence.request.params
            if params.is_greedy or not finite[row]:
                continue
            is_truncated = params.top_k > 0 or params.top_p < 1.0 or params.min_p > 0.0
            (truncated if is_truncated else plain).append(row)
        if plain:
            uniforms = _uniforms(sequences, plain, logits.device)
            picks = draw(logits, plain, _temperatures(sequences, plain), uniforms)
            _assign(token_ids, plain, picks)
        if truncated:
            self._draw_truncated(logits, sequences, truncated, token_ids)

    def _draw_truncated(
        self,
        logits: torch.Tensor,
        sequences: SequenceOf[Sequence],
        rows: list[int],
        token_ids: list[int],
    ) -> None:
        """top_k, top_p and min_p each keep a prefix of the candidates in order of probability, so
        what is kept is decided on the most likely few; rows for which those do not settle it look
        at more."""
        vocab_size = logits.shape[-1]
        for count in (*(count for count in NUM_PRESELECTED if count < vocab_size), vocab_size):
            probs, ids = find_likeliest(logits, rows, _temperatures(sequences, rows), count)
            kept, settled = _truncate(probs, sequences, rows, is_whole=count == vocab_size)
            uniforms = _uniforms(sequences, rows, logits.device)
            picks = ids.gather(1, invert(kept, uniforms)[:, None]).squeeze(1)
            _assign(token_ids, rows, picks)
            rows = [row for row, is_settled in zip(rows, settled, strict=True) if not is_settled]
            if not rows:
                return


def _truncate(
    probs: torch.Tensor, sequences: SequenceOf[Sequence], rows: list[int], *, is_whole: bool
) -> tuple[torch.Tensor, list[bool]]:
    """probs [num_rows, k], falling -> the same with what is cut set to 0, and per row whether k
    candidates were enough to tell where the cut is. top_p counts the mass within top_k, as
    `transformers` does."""
    params = [sequences[row].request.params for row in rows]
    num_candidates = probs.shape[-1]

    def column(values: list[float]) -> torch.Tensor:
        return torch.tensor(values, dtype=probs.dtype, device=probs.device)[:, None]

    top_k = [p.top_k or num_candidates for p in params]
    ranks = torch.arange(num_candidates, device=probs.device)
    probs = probs.masked_fill(ranks >= column([float(k) for k in top_k]), 0.0)
    has_top_k = torch.tensor([p.top_k > 0 for p in params], device=probs.device)
    mass = torch.where(has_top_k[:, None], probs.sum(-1, keepdim=True), 1.0)
    before = probs.cumsum(-1) - probs
    keep = before < column([p.top_p for p in params]) * mass
    keep |= ranks == 0
    keep &= probs >= column([p.min_p for p in params]) * probs[:, :1]
    cut_seen = ~keep[:, -1].cpu()
    settled = [
        is_whole or (p.top_k <= num_candidates if p.top_k else bool(cut_seen[i]))
        for i, p in enumerate(params)
    ]
    return probs * keep, settled


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
    return torch.tensor(numbers, dtype=torch.float64, device=device)


def _assign(token_ids: list[int], rows: list[int], picks: torch.Tensor) -> None:
    for row, token_id in zip(rows, picks.tolist(), strict=True):
        token_ids[row] = token_id


def _apply_edits(logits: torch.Tensor, sequences: SequenceOf[Sequence]) -> None:
    """Penalties, logit_bias and min_tokens, in place, touching only the ids that are concerned."""
    for row, sequence in enumerate(sequences):
        params = sequence.request.params
        if params.has_penalties:
            _penalise(logits[row], sequence)
        if params.logit_bias:
            ids = torch.tensor(list(params.logit_bias), device=logits.device)
            logits[row, ids] += torch.tensor(
                list(params.logit_bias.values()), dtype=logits.dtype, device=logits.device
            )
        is_early = sequence.num_output_tokens < params.min_tokens
        if is_early and sequence.stop_ids and sequence.grammar is None:  # else its mask says so
            logits[row, list(sequence.stop_ids)] = -torch.inf


def _penalise(row: torch.Tensor, sequence: Sequence) -> None:
    """row [vocab_size]. The repetition penalty (Keskar et al. 2019, section 4.1) counts the prompt
    too; presence and frequency penalties count the output alone, as OpenAI defines them."""
    params = sequence.request.params
    if params.repetition_penalty != 1.0:
        seen = torch.tensor(list(set(sequence.token_ids)), device=row.device)
        values = row[seen]
        penalty = params.repetition_penalty
        row[seen] = torch.where(values > 0, values / penalty, values * penalty)
    if sequence.output_counts:
        ids = torch.tensor(list(sequence.output_counts), device=row.device)
        counts = torch.tensor(
            list(sequence.output_counts.values()), dtype=row.dtype, device=row.device
        )
        row[ids] -= params.presence_penalty + params.frequency_penalty * counts


def _raw_logprobs(logits: torch.Tensor, sequences: SequenceOf[Sequence]) -> dict[int, torch.Tensor]:
    """Log-probabilities [vocab_size] of the rows that want them, before any edit."""
    rows = [i for i, s in enumerate(sequences) if s.request.params.logprobs is not None]
    if not rows:
        return {}
    return dict(zip(rows, logits[rows].log_softmax(-1), strict=True))


def _logprob(
    logprobs: torch.Tensor | None, sequence: Sequence, token_id: int
) -> TokenLogprob | None:
    if logprobs is None:
        return None
    values, ids = logprobs.topk(sequence.request.params.logprobs or 0)
    top = tuple(zip(ids.tolist(), values.tolist(), strict=True))
    return TokenLogprob(token_id, float(logprobs[token_id]), top)
