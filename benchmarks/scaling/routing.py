"""Which replica gets a request. A router knows how many requests each has open, and the beginning
of the prompt; nothing of what is in the caches.
"""

from bisect import bisect_left
from hashlib import blake2b
from math import ceil
from random import Random
from typing import Protocol


class Router(Protocol):
    """Chooses by what is open at each replica, `outstanding`, which it never changes."""

    def choose(self, prefix: int | None, outstanding: list[int]) -> int: ...


class AtRandom:
    """Any, as Kubernetes' own service does it, connection by connection."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def choose(self, prefix: int | None, outstanding: list[int]) -> int:
        return self._random.randrange(len(outstanding))


class LeastOutstanding:
    """One that has fewest open; of several, any."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def choose(self, prefix: int | None, outstanding: list[int]) -> int:
        fewest = min(outstanding)
        start = self._random.randrange(len(outstanding))
        try:
            return outstanding.index(fewest, start)
        except ValueError:
            return outstanding.index(fewest)


class PrefixAffinity:
    """Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2018, section 1).

    Replicas and beginnings have places on a circle. A request goes to the first replica clockwise
    from its beginning that has room: none gets more than `balance` times the average of open
    requests, rounded up. So one beginning always meets the same few replicas, and a popular one
    spills over to the next instead of drowning its own. Requests that share nothing go to one with
    fewest open.
    """

    PLACES = 64
    """Of each replica on the circle: with one each, shares would differ manyfold."""

    def __init__(self, replicas: int, seed: int, balance: float) -> None:
        places = sorted(
            (_place(f"replica {replica}/{i}"), replica)
            for replica in range(replicas)
            for i in range(self.PLACES)
        )
        self._places = [place for place, _ in places]
        self._replicas = [replica for _, replica in places]
        self._balance = balance
        self._without_prefix = LeastOutstanding(seed)
        self._starts: dict[int, int] = {}

    def choose(self, prefix: int | None, outstanding: list[int]) -> int:
        if prefix is None:
            return self._without_prefix.choose(prefix, outstanding)
        start = self._starts.get(prefix)
        if start is None:
            start = bisect_left(self._places, _place(f"prefix {prefix}"))
            self._starts[prefix] = start
        room = ceil(self._balance * (sum(outstanding) + 1) / len(outstanding))
        for i in range(start, start + len(self._replicas)):
            replica = self._replicas[i % len(self._replicas)]
            if outstanding[replica] < room:
                return replica
        raise AssertionError("less than the average is open somewhere")


def _place(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
