"""A vocabulary as llguidance sees it, and the order in which its tokens are tried to end
something."""

import json
from collections.abc import Sequence

import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer

from runners.grammars.source import GrammarSource

MAX_LEXER_STATES = 50_000
"""At 1 to 2 kB each, what a grammar may grow to while it is used."""
STEP_LEXER_FUEL = 100_000
"""About 7 ms of one step."""


def parser_limits() -> LLParserLimits:
    """Of one grammar, wherever it is compiled; the rest are llguidance's own."""
    return LLParserLimits(
        max_lexer_states=MAX_LEXER_STATES, step_lexer_fuel=STEP_LEXER_FUEL, verbose_errors=False
    )


def build_tokenizer(
    tokenizer_json: str, vocab_size: int, eos_token_ids: Sequence[int]
) -> LLTokenizer:
    """Raises ValueError for a kind of tokenizer that llguidance does not read."""
    return LLTokenizer(tokenizer_json, n_vocab=vocab_size, eos_token=list(eos_token_ids))


def build_matcher(tokenizer: LLTokenizer, source: GrammarSource) -> LLMatcher:
    """Raises ValueError for a grammar that is wrong or too large, as llguidance tells it."""
    top, body = source.text, source.body
    if source.is_foreign:
        top, body = (top, _as_lark(body)) if body else (_as_lark(top), "")
    if body:
        grammars = [{"lark_grammar": top}, {"name": "body", "lark_grammar": body}]
        top = json.dumps({"grammars": grammars})
    matcher = LLMatcher(tokenizer, top, log_level=0, limits=parser_limits())
    if not matcher.is_error():
        matcher.compute_bitmask()
    if matcher.is_error():
        raise ValueError(error_of(matcher))
    return matcher


def _as_lark(text: str) -> str:
    # few requests come with a grammar
    from llguidance.gbnf_to_lark import any_to_lark

    converted: str = any_to_lark(text)
    return converted


def error_of(matcher: LLMatcher) -> str:
    """Without llguidance's own state, which quotes the grammar."""
    message: str = matcher.get_error().partition("<non-verbose/>")[0].strip()
    if message == "NoExtensionBias":
        return "it admits no answer"
    return message


class Vocabulary:
    """Shared by all grammars of one model."""

    def __init__(self, tokenizer_json: str, vocab_size: int, eos_token_ids: Sequence[int]) -> None:
        """Raises ValueError."""
        self.tokenizer = build_tokenizer(tokenizer_json, vocab_size, eos_token_ids)
        self.vocab_size = vocab_size
        self.eos_token_ids = tuple(eos_token_ids)
        self.closing_order = ClosingOrder(
            [self.tokenizer.decode_bytes([token_id]) for token_id in range(vocab_size)]
        )


class ClosingOrder:
    """Which allowed token to take to come to the end of JSON, or of anything."""

    def __init__(self, spelt: Sequence[bytes]) -> None:
        """`spelt[token_id]` are the token's bytes."""
        self._letter = next((i for i, token in enumerate(spelt) if token == b"q"), None)
        # A vocabulary may have 150,000 tokens, of which hundreds end anything.
        closing = [i for i, token in enumerate(spelt) if token.lstrip(b" ")[:1] in _BEGINNINGS]
        lengths = np.fromiter(map(len, spelt), np.int64, len(spelt))
        between = np.full(len(spelt), _OTHER)
        within = between.copy()
        for i in closing:
            between[i] = _kind(spelt[i], brackets_first=True)
            within[i] = _kind(spelt[i], brackets_first=False)
        self._between = np.lexsort((-lengths, between))  # of equals the longest, the first
        self._within = np.lexsort((-lengths, within))
        self._num_closing = int((between < _OTHER).sum())
        singles = [i for i, token in enumerate(spelt) if len(token) == 1 and token < b"\x80"]
        self._singles = np.array(sorted(singles, key=lambda i: (spelt[i].isalnum(), -i)), np.int64)

    def first(self, bitmask: bytes) -> int | None:
        """Where letters are allowed we are within a string: there a quote ends something, and
        between strings a bracket. Where neither can come, the longest token gets furthest."""
        letter = self._letter
        is_within = letter is not None and bitmask[letter >> 3] >> (letter & 7) & 1
        order = self._within if is_within else self._between
        closing = order[: self._num_closing]  # few of a large vocabulary, and mostly enough
        bits = np.frombuffer(bitmask, dtype=np.uint8)
        in_order = bits[closing >> 3] >> (closing & 7) & 1
        if not in_order.any():
            in_order = self._allowed(bitmask)[order]
        place = int(in_order.argmax())
        return int(order[place]) if in_order[place] else None

    def candidates(self, bitmask: bytes, count: int) -> list[int]:
        """Up to `count` allowed tokens of one ASCII character, punctuation first, and the longest
        few."""
        allowed = self._allowed(bitmask)
        singles = self._singles[allowed[self._singles] != 0]
        longest = self._within[allowed[self._within] != 0][:8]
        return [*singles[:count].tolist(), *longest.tolist()]

    def _allowed(self, bitmask: bytes) -> np.ndarray:
        """[vocab_size] of 0 and 1."""
        bits = np.frombuffer(bitmask, dtype=np.uint8)
        return np.unpackbits(bits, bitorder="little", count=len(self._between))


_OTHER = 5
"""The kind of most tokens: no end and no whole value."""
_BEGINNINGS = frozenset((b"", b"]", b"}", b'"', b",", b"0", b"{", b"["))
"""What tokens of all other kinds begin with, spaces aside."""


def _kind(token: bytes, *, brackets_first: bool) -> int:
    """Smaller ends sooner."""
    bare = token.strip(b" ")
    if bare and not bare.strip(b"]}"):
        return 0 if brackets_first else 2
    if bare[:1] == b'"' and not bare.strip(b'"]}'):
        return 3 if brackets_first and bare != b'""' else 1
    if bare[:1] == b",":
        return 1 if brackets_first else 4
    if bare in (b"0", b"{}", b"[]"):
        return 2
    return 4 if bare in (b"", b"{", b"[") else _OTHER
