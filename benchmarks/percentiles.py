"""Three numbers for a crowd of latencies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Linear between the two nearest values, as numpy does it."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Percentiles | None":
        """None of nothing: an absent latency is not a latency of 0."""
        if not values:
            return None
        p50, p95, p99 = np.percentile(np.asarray(values, dtype=np.float64), [50, 95, 99]).tolist()
        return cls(p50, p95, p99)

    def in_ms(self) -> str:
        """p50 / p95 / p99 of values in seconds."""
        return " / ".join(milliseconds(value) for value in (self.p50, self.p95, self.p99))


def milliseconds(seconds: float) -> str:
    """Three digits where they mean something: 8.41, 27.9, 1012."""
    value = 1000 * seconds
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}"
