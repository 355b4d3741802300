"""Looks for a short way to the end of an answer: the tokens that bring a grammar to where it may
stop. Nothing here promises the shortest, nor that one is found; what is found is a way."""

import time
from collections.abc import Iterable, Iterator, Sequence

from llguidance import LLMatcher

from runners.grammars.tokens import Vocabulary

PATIENCE = 24


class EndSearch:
    """One look. Of processor time it takes little more than `seconds`."""

    def __init__(self, vocabulary: Vocabulary, limit: int, *, seconds: float) -> None:
        """`limit`: tokens that the way may have."""
        self._vocabulary = vocabulary
        self._limit = limit
        self._deadline_s = time.thread_time() + seconds

    def any_end(
        self, matcher: LLMatcher, known: Sequence[Sequence[int]], breadth: int
    ) -> list[int] | None:
        """The greedy way is right for all JSON without patterns. Where it is caught in a
        repetition, one of the ways that are `known` may lead out of it; else tokens are chosen by
        what they change, `breadth` at a place."""
        place: LLMatcher | None = matcher.deep_copy()
        end: list[int] = []
        while place is not None and len(end) <= self._limit:
            tokens, place, is_end = self._greedy(place, PATIENCE)
            end += tokens
            if is_end:
                return end if len(end) <= self._limit else None
            step = None
            if place is not None:
                step = self._known_step(place, known) or self._best_step(place, breadth)
            if step is None:
                return self.greedy_end(matcher, patience=self._limit)
            place = step[0]
            end += step[1]
        return None

    def next_end(self, matcher: LLMatcher, last: Sequence[int]) -> list[int] | None:
        """Where `last` was the end some tokens ago, it mostly still is, or what is left of it."""
        for start in range(len(last) + 1):
            rest = list(last[start:])
            if len(rest) > self._limit or matcher.validate_tokens(rest) < len(rest):
                continue
            trial = matcher.deep_copy()
            trial.consume_tokens(rest)
            if trial.is_accepting() or trial.is_stopped():
                return rest
        return self.greedy_end(matcher)

    def greedy_end(self, matcher: LLMatcher, *, patience: int = PATIENCE) -> list[int] | None:
        end, _, is_end = self._greedy(matcher.deep_copy(), patience)
        return end if is_end and len(end) <= self._limit else None

    def _greedy(self, place: LLMatcher, patience: int) -> tuple[list[int], LLMatcher | None, bool]:
        """Take what is forced, else what closes most, but not the same token more than `patience`
        times: (tokens, where they lead, whether that is an end). Where it would go on repeating it
        stops before the first; where it cannot go on at all it leads to None."""
        end: list[int] = []
        repeated: int | None = None
        num_same, before = 0, place
        while len(end) <= self._limit and not place.is_error() and not self._is_late:
            if place.is_accepting() or place.is_stopped():
                return end, place, True
            tokens = place.compute_ff_tokens()
            if tokens:
                repeated, num_same = None, 0
            else:
                first = self._vocabulary.closing_order.first(place.compute_bitmask())
                if first is None or num_same > patience:
                    break
                if first != repeated:
                    repeated, num_same, before = first, 0, place.deep_copy()
                num_same += 1
                tokens = [first]
            if not place.consume_tokens(tokens):
                return end, None, False
            end += tokens
        return (end[:-num_same], before, False) if num_same > 1 else (end, None, False)

    def _known_step(
        self, place: LLMatcher, known: Iterable[Sequence[int]]
    ) -> tuple[LLMatcher, list[int]] | None:
        """(where it leads, tokens): a part of a known way after which the greedy way gets on."""
        for way in known:
            for start in range(len(way)):
                if self._is_late:
                    return None
                trial = place.deep_copy()
                count = trial.try_consume_tokens(list(way[start:]))
                if not count:
                    continue
                tokens, _, is_end = self._greedy(trial.deep_copy(), PATIENCE)
                if tokens or is_end:
                    return trial, list(way[start : start + count])
        return None

    def _best_step(self, place: LLMatcher, breadth: int) -> tuple[LLMatcher, list[int]] | None:
        """(where it leads, the one or two tokens)."""
        before = place.compute_bitmask()
        same: list[tuple[LLMatcher, int]] = []
        for trial, token_id in self._after(place, before, breadth):
            if trial.is_accepting() or trial.compute_bitmask() != before:
                return trial, [token_id]
            same.append((trial, token_id))
        for second, first_id in same:
            for trial, token_id in self._after(second, before, breadth):
                if trial.is_accepting() or trial.compute_bitmask() != before:
                    return trial, [first_id, token_id]
        return None

    def _after(
        self, place: LLMatcher, bitmask: bytes, breadth: int
    ) -> Iterator[tuple[LLMatcher, int]]:
        for token_id in self._vocabulary.closing_order.candidates(bitmask, breadth):
            if self._is_late:
                return
            trial = place.deep_copy()
            if trial.consume_token(token_id):
                yield trial, token_id

    @property
    def _is_late(self) -> bool:
        return time.thread_time() > self._deadline_s
