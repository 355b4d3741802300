"""One choice of one request while it is being generated: its tokens, its blocks, how far it is
computed."""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto

from runners.engine.grammar import GrammarState
from runners.engine.request import GenerationRequest


class SequenceStatus(Enum):
    WAITING = auto()
    RUNNING = auto()
    FINISHED = auto()


@dataclass(slots=True, eq=False)
class Sequence:
    """While it runs, num_computed_tokens chases len(token_ids): a gap of one is decoding, a larger
    gap is a prompt (or a preempted sequence) being computed. Nothing else tells the two apart.
    """

    request: GenerationRequest
    index: int
    """Which of the request's n choices."""
    arrival: int
    """Order of submission; breaks ties of priority."""
    seed: int
    max_tokens: int
    stop_ids: frozenset[int]
    """Ids that end it: its own, and the model's unless it ignores them."""
    token_ids: list[int]
    """Prompt, then output."""
    num_prompt_tokens: int
    num_computed_tokens: int = 0
    """Tokens whose keys and values lie in its blocks."""
    num_cached_tokens: int = 0
    """Prompt tokens that the prefix cache supplied when it was first admitted."""
    block_ids: list[int] = field(default_factory=list)
    block_hashes: list[bytes] = field(default_factory=list)
    """Of the full blocks of token_ids, in order; extended as tokens arrive."""
    num_registered_blocks: int = 0
    """Leading blocks that the prefix cache already knows."""
    status: SequenceStatus = SequenceStatus.WAITING
    has_been_admitted: bool = False
    output_counts: dict[int, int] = field(default_factory=dict)
    """How often each id occurs in the output; for the penalties."""
    grammar: GrammarState | None = None
    forced_ids: deque[int] = field(default_factory=deque)
    """What the grammar makes come next, where it is taken one by one."""

    @property
    def num_tokens(self) -> int:
        return len(self.token_ids)

    @property
    def num_output_tokens(self) -> int:
        return len(self.token_ids) - self.num_prompt_tokens

    @property
    def num_remaining(self) -> int:
        """Tokens it may still get."""
        return self.max_tokens - self.num_output_tokens

    @property
    def num_uncomputed_tokens(self) -> int:
        return len(self.token_ids) - self.num_computed_tokens

    @property
    def is_decoding(self) -> bool:
        return self.num_uncomputed_tokens == 1

    @property
    def rank(self) -> tuple[int, int, int]:
        """Smaller is served first and preempted last."""
        return (self.request.priority, self.arrival, self.index)

    @property
    def is_background(self) -> bool:
        return self.request.is_background

    def append(self, token_id: int) -> None:
        self.token_ids.append(token_id)
        self.output_counts[token_id] = self.output_counts.get(token_id, 0) + 1
