"""How many prompt tokens the next step may still take."""

from collections.abc import Callable


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
