"""llguidance behind the engine's Grammar protocol, and the promise that answers end in time.

A choice that runs out of tokens would be cut off inside its JSON. So each one knows a shortest way
to the end, looks for it anew now and then, and once the tokens left come near its length, takes no
token after which no way of that length would be left.
"""

import time
from collections.abc import Sequence

from llguidance import LLMatcher

from runners.engine.grammar import GrammarError
from runners.grammars.closing import EndSearch
from runners.grammars.source import GrammarSource, from_regex
from runners.grammars.tokens import Vocabulary, build_matcher, error_of

FIRST_SEARCH_S, FIRST_BREADTH = 0.1, 128
"""When a grammar is compiled, beside the engine's thread."""
SEARCH_S, BREADTH = 0.02, 16
"""On it."""
UNKNOWN_RETRY = 16
"""Tokens until the end is looked for again when it was not found."""

MAX_PATTERNS = 16
MAX_KNOWN_TOKENS = 4096
START_ALLOWANCE_S = 0.1
TOKEN_ALLOWANCE_S = 0.001
"""Of processor time: what the masks of a choice may take over all its tokens, and as much again
looking for its end. Beyond the first the choice fails, beyond the second it may be cut off."""


class CompiledGrammar:
    """runners.engine.grammar.Grammar."""

    def __init__(self, matcher: LLMatcher, vocabulary: Vocabulary, source: GrammarSource) -> None:
        """`matcher`: the source's, at its beginning."""
        self.vocabulary = vocabulary
        self.growth = source.growth
        self._matcher = matcher
        matches = map(self._match_of, source.patterns[:MAX_PATTERNS])
        self._known = [*map(self._exit, source.exits), *filter(None, matches)]
        search = EndSearch(vocabulary, MAX_KNOWN_TOKENS, seconds=FIRST_SEARCH_S)
        self.shortest = search.any_end(matcher, self._known, FIRST_BREADTH)
        """About the fewest tokens of an answer; None if none was found."""
        self.fault: str | None = None
        """Why a choice had to give it up; it is not worth another try then."""

    @property
    def known_ways(self) -> list[list[int]]:
        """Out of free text, through each pattern, and from the beginning to the end: the shorter
        ones are sooner tried."""
        return [*self._known, *([self.shortest] if self.shortest else [])]

    def _match_of(self, pattern: str) -> list[int] | None:
        matcher = build_matcher(self.vocabulary.tokenizer, from_regex(pattern))
        return EndSearch(self.vocabulary, 64, seconds=SEARCH_S).greedy_end(matcher)

    def _exit(self, exit: int | str) -> list[int]:
        if isinstance(exit, int):
            return [exit]
        tokens: list[int] = self.vocabulary.tokenizer.tokenize_str(exit)
        return tokens

    def start(self) -> "MatcherState":
        return MatcherState(self, self._matcher.deep_copy(), self.shortest)


class MatcherState:
    """runners.engine.grammar.GrammarState."""

    def __init__(self, grammar: CompiledGrammar, matcher: LLMatcher, end: list[int] | None) -> None:
        self._grammar = grammar
        self._matcher = matcher
        self._end = end
        """The way to the end from where it was last looked for."""
        self._num_since = 0
        """Tokens accepted since then that were not on that way."""
        self._tried: tuple[int, list[int]] | None = None
        """A token that was tried out, and the way to the end after it."""
        self._allowance_s = START_ALLOWANCE_S
        self._search_allowance_s = START_ALLOWANCE_S

    @property
    def is_complete(self) -> bool:
        return bool(self._matcher.is_stopped())

    def fill(self, row_address: int, num_bytes: int, remaining: int) -> None:
        started_s = time.thread_time()
        self._matcher.unsafe_compute_mask_ptr(row_address, num_bytes)
        self._check()
        self._allowance_s -= time.thread_time() - started_s
        if self._allowance_s < 0:
            self._give_up("it takes too long to tell what it allows next")
        if self._may_be_out_of_reach(remaining) and self._search_allowance_s > 0:
            self._look_for_end(remaining)

    def settle(self, token_id: int, remaining: int) -> int:
        """Only where a single token could put the end out of reach is it tried out."""
        end, vocabulary = self._end, self._grammar.vocabulary
        if self._num_since or end is None or len(end) > remaining:
            return token_id
        is_far = remaining - len(end) > self._grammar.growth
        if is_far or token_id in end[:1] or token_id in vocabulary.eos_token_ids:
            return token_id
        trial = self._matcher.deep_copy()
        trial.consume_token(token_id)
        found = EndSearch(vocabulary, remaining - 1, seconds=SEARCH_S).next_end(trial, end)
        if found is not None:
            self._tried = (token_id, found)
            return token_id
        return end[0] if end else vocabulary.eos_token_ids[0]

    def accept(self, token_id: int) -> None:
        if self._tried is not None and self._tried[0] == token_id:
            self._end = self._tried[1]
        elif self._end and not self._num_since and self._end[0] == token_id:
            self._end = self._end[1:]
        else:
            self._num_since += 1
        self._tried = None
        self._allowance_s += TOKEN_ALLOWANCE_S
        self._search_allowance_s += TOKEN_ALLOWANCE_S
        if not self._matcher.consume_token(token_id):
            self._check()
            raise GrammarError("the grammar does not allow the token that was taken.")

    def forced(self) -> Sequence[int]:
        tokens: list[int] = self._matcher.compute_ff_tokens()
        self._check()
        return tokens

    def _check(self) -> None:
        """Raises GrammarError for an error of the matcher."""
        if self._matcher.is_error():
            self._give_up(error_of(self._matcher).partition("\n")[0][:200])

    def _give_up(self, why: str) -> None:
        self._grammar.fault = why
        raise GrammarError(f"the grammar cannot be kept to: {why}.")

    def _may_be_out_of_reach(self, remaining: int) -> bool:
        """Whether the end may have moved that far since it was last looked for."""
        if self._end is None:
            return self._num_since >= UNKNOWN_RETRY
        before = remaining + self._num_since
        return (self._num_since + 1) * (self._grammar.growth + 1) > before - len(self._end)

    def _look_for_end(self, remaining: int) -> None:
        if not self._num_since and self._end is not None:
            return
        started_s = time.thread_time()
        search = EndSearch(self._grammar.vocabulary, remaining, seconds=SEARCH_S)
        end = search.next_end(self._matcher, self._end) if self._end is not None else None
        if end is None:
            end = search.any_end(self._matcher, self._grammar.known_ways, BREADTH)
        self._end = end
        self._num_since = 0
        self._search_allowance_s -= time.thread_time() - started_s
