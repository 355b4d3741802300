"""llguidance behind the engine's Grammar protocol, and the promise that answers end in time.

A choice that runs out of tokens would be cut off inside its JSON. So each one knows a shortest way
to the end, looks for it anew now and then, and once the tokens left come near its length, takes no
token after which no way of that length would be left.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from llguidance import LLMatcher

from runners.engine.grammar import GrammarError
from runners.grammars.tokens import Vocabulary, error_of

UNKNOWN_RETRY = 32
"""Tokens until the end is looked for again when it was not found."""

SEARCH_S = 0.02
"""Of processor time, for one look for the end."""
START_ALLOWANCE_S = 0.1
TOKEN_ALLOWANCE_S = 0.001
"""Of processor time: what a choice's grammar may use over all its tokens. The common ones take a
twentieth of it."""


class CompiledGrammar:
    """runners.engine.grammar.Grammar."""

    def __init__(self, matcher: LLMatcher, vocabulary: Vocabulary, growth: int) -> None:
        self.vocabulary = vocabulary
        self.growth = growth
        self._matcher = matcher
        self._shortest: list[int] | None = shortest_end(matcher, vocabulary, 4096)
        self.fault: str | None = None
        """Why a choice had to give it up; it is not worth another try then."""

    @property
    def num_shortest(self) -> int | None:
        """Tokens of about the shortest answer; None if none was found."""
        return None if self._shortest is None else len(self._shortest)

    def start(self) -> "MatcherState":
        return MatcherState(self, self._matcher.deep_copy(), self._shortest)


class MatcherState:
    """runners.engine.grammar.GrammarState."""

    def __init__(self, grammar: CompiledGrammar, matcher: LLMatcher, end: list[int] | None) -> None:
        self._grammar = grammar
        self._matcher = matcher
        self._end = end
        """The way to the end from where it was last looked for."""
        self._num_since = 0
        """Tokens accepted since then."""
        self._allowance_s = START_ALLOWANCE_S

    @property
    def is_complete(self) -> bool:
        return bool(self._matcher.is_stopped())

    def fill(self, row_address: int, num_bytes: int, remaining: int) -> None:
        with self._accounted():
            self._matcher.unsafe_compute_mask_ptr(row_address, num_bytes)
            if self._is_near_end(remaining):
                self._look_for_end(remaining)

    def settle(self, token_id: int, remaining: int) -> int:
        """Only where a single token could put the end out of reach is it tried out."""
        end, vocabulary = self._end, self._grammar.vocabulary
        if self._num_since or end is None or len(end) > remaining:
            return token_id
        is_far = remaining - len(end) > self._grammar.growth
        if is_far or token_id in end[:1] or token_id in vocabulary.eos_token_ids:
            return token_id
        with self._accounted():
            trial = self._matcher.deep_copy()
            trial.consume_token(token_id)
            if shortest_end(trial, vocabulary, remaining - 1) is not None:
                return token_id
        return end[0] if end else vocabulary.eos_token_ids[0]

    def accept(self, token_id: int) -> None:
        self._num_since += 1
        self._allowance_s += TOKEN_ALLOWANCE_S
        with self._accounted():
            if not self._matcher.consume_token(token_id) and not self._matcher.is_error():
                raise GrammarError("the grammar does not allow the token that was taken.")

    def forced(self) -> Sequence[int]:
        with self._accounted():
            tokens: list[int] = self._matcher.compute_ff_tokens()
        return tokens

    @contextmanager
    def _accounted(self) -> Iterator[None]:
        """Raises GrammarError for an error of the matcher, or once the allowance is used up."""
        started_s = time.thread_time()
        yield
        self._allowance_s -= time.thread_time() - started_s
        if self._matcher.is_error():
            self._give_up(error_of(self._matcher).partition("\n")[0][:200])
        if self._allowance_s < 0:
            self._give_up("it takes too long to tell what it allows next")

    def _give_up(self, why: str) -> None:
        self._grammar.fault = why
        raise GrammarError(f"the grammar cannot be kept to: {why}.")

    def _is_near_end(self, remaining: int) -> bool:
        """Whether the end may have moved out of reach since it was last looked for."""
        if self._end is None:
            return self._num_since >= UNKNOWN_RETRY
        before = remaining + self._num_since
        return (self._num_since + 1) * (self._grammar.growth + 1) > before - len(self._end)

    def _look_for_end(self, remaining: int) -> None:
        if self._num_since == 0 and self._end is not None:
            return
        self._end = shortest_end(self._matcher, self._grammar.vocabulary, remaining)
        self._num_since = 0


def shortest_end(matcher: LLMatcher, vocabulary: Vocabulary, limit: int) -> list[int] | None:
    """About the fewest tokens that bring `matcher` to a place where the answer may end; None if
    none within `limit` were found. Greedy: it takes what is forced, else what closes most."""
    deadline_s = time.thread_time() + SEARCH_S
    for attempt in range(2):
        trial = matcher.deep_copy()
        end: list[int] = []
        while len(end) <= limit and not trial.is_error():
            if trial.is_accepting() or trial.is_stopped():
                return end
            if time.thread_time() > deadline_s:
                return None
            tokens = trial.compute_ff_tokens()
            if not tokens:
                first = vocabulary.closing_order.first(trial.compute_bitmask(), attempt=attempt)
                tokens = [] if first is None else [first]
            if not tokens or not trial.consume_tokens(tokens):
                break
            end += tokens
    return None
