"""What is asked of the simulated replicas: prompts of which many begin alike."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

BATCH = 4096
"""Drawn at once: numpy's generator costs more per call than per number."""


@dataclass(frozen=True, slots=True)
class Request:
    """Lengths in tokens. `prefix` names the beginning it shares with others; None: with nobody."""

    arrival_s: float
    prefix: int | None
    prefix_tokens: int
    own_tokens: int
    answer_tokens: int

    @property
    def prompt_tokens(self) -> int:
        return self.prefix_tokens + self.own_tokens


@dataclass(frozen=True, slots=True)
class Workload:
    """Each replica brings as many tenants along, so that a larger service has more beginnings to
    remember, not only more requests."""

    prefixes_per_replica: int = 64
    prefix_tokens: int = 768
    """A system prompt with its tools, or a document: a multiple of the cache's block."""
    skew: float = 0.8
    """Zipf's exponent: the i-th most popular beginning is asked for in proportion to 1 / i^skew."""
    own_tokens: tuple[int, int] = (32, 256)
    mean_answer_tokens: int = 64
    """Of a geometric distribution."""

    def requests(self, rate: float, replicas: int, seed: int) -> Iterator[Request]:
        """Without end; Poisson arrivals, `rate` a second."""
        rng = np.random.default_rng(seed)
        prefixes = self.prefixes_per_replica * replicas
        popularity = np.arange(1, prefixes + 1, dtype=np.float64) ** -self.skew
        cumulated = np.cumsum(popularity / popularity.sum())
        now_s = 0.0
        while True:
            gaps = rng.exponential(1 / rate, BATCH).tolist()
            chosen = np.searchsorted(cumulated[:-1], rng.random(BATCH), side="right").tolist()
            own = rng.integers(self.own_tokens[0], self.own_tokens[1] + 1, BATCH).tolist()
            answers = rng.geometric(1 / self.mean_answer_tokens, BATCH).tolist()
            for gap_s, prefix, own_tokens, answer in zip(gaps, chosen, own, answers, strict=True):
                now_s += gap_s
                yield Request(now_s, prefix, self.prefix_tokens, own_tokens, answer)
