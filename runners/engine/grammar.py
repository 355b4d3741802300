"""What the engine asks of a grammar: which tokens may come next. It is compiled elsewhere, from
whatever it came from; here it is ids, like everything else."""

from collections.abc import Sequence as SequenceOf
from typing import Protocol

from runners.engine.errors import EngineError


class GrammarError(EngineError):
    """A grammar cannot go on: telling what it allows next took more work than it may."""


class GrammarState(Protocol):
    """How far one choice has come. The engine calls it from one thread."""

    @property
    def is_complete(self) -> bool:
        """Nothing can follow what was accepted: the choice ends here, without an end-of-sequence
        token."""
        ...

    def fill(self, row_address: int, num_bytes: int, remaining: int) -> None:
        """Write one bit per token id at `row_address`, lowest bit first, 1 where it may come next.
        `remaining`: tokens left until the choice is cut off. May be asked again for the same
        place. Raises GrammarError."""
        ...

    def settle(self, token_id: int, remaining: int) -> int:
        """The token to take when `token_id` was drawn from the mask: another one only if after
        `token_id` the grammar could not be brought to an end within `remaining` - 1 more. Changes
        nothing. Raises GrammarError."""
        ...

    def accept(self, token_id: int) -> None:
        """Move past a token. Raises GrammarError for one that is not allowed."""
        ...

    def forced(self) -> SequenceOf[int]:
        """The tokens that must come next, as far as there is no choice; often none."""
        ...


class Grammar(Protocol):
    """A compiled grammar, at its beginning. Shared by choices and requests; never changes."""

    def start(self) -> GrammarState: ...
