"""The learning rate as a fraction of its peak: warm up, hold, decay linearly (WSD), by tokens or
by the clock.
"""

from dataclasses import dataclass

WARMUP_STEPS = 100
DECAY_FRACTION = 0.55


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to train: by tokens, which reproduces, or by minutes, which ends on time; whichever
    is spent first.
    """

    tokens: float = float("inf")
    minutes: float = float("inf")

    def spent(self, tokens: int, minutes: float) -> float:
        """The spent part of the budget, 0..1 and above."""
        return max(tokens / self.tokens, minutes / self.minutes)


def rate(step: int, spent: float) -> float:
    """0..1. The decay hangs on the budget alone: a run resumed with a smaller budget decays at
    once.
    """
    warm = min(1.0, (step + 1) / WARMUP_STEPS)
    return warm * max(0.0, min(1.0, (1.0 - spent) / DECAY_FRACTION))
