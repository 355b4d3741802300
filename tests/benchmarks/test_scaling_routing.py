"""Routers: affinity keeps its bound, and moves little when a replica comes."""

from collections import Counter
from math import ceil
from random import Random

import pytest

from benchmarks.scaling.routing import AtRandom, LeastOutstanding, PrefixAffinity


def test_least_outstanding_takes_one_with_fewest():
    router = LeastOutstanding(seed=0)
    outstanding = [3, 1, 2, 1, 5]
    chosen = {router.choose(None, outstanding) for _ in range(100)}
    assert chosen == {1, 3}


def test_random_takes_all_alike():
    router = AtRandom(seed=0)
    chosen = Counter(router.choose(7, [0] * 10) for _ in range(10_000))
    assert min(chosen.values()) > 800


def test_a_beginning_meets_the_same_replica():
    router = PrefixAffinity(100, seed=0, balance=2.0)
    homes = {prefix: router.choose(prefix, [0] * 100) for prefix in range(1000)}
    again = PrefixAffinity(100, seed=1, balance=2.0)
    assert all(again.choose(prefix, [0] * 100) == home for prefix, home in homes.items())
    assert len(set(homes.values())) > 90


@pytest.mark.parametrize("balance", [1.25, 2.0])
def test_nobody_gets_more_than_the_bound(balance):
    """Mirrokni et al. (2018), section 1: at most the balance times the average, rounded up. All ask
    for one beginning; some leave in between."""
    random = Random(0)
    router = PrefixAffinity(20, seed=0, balance=balance)
    outstanding = [0] * 20
    open_at = []
    for _ in range(2000):
        if open_at and random.random() < 0.4:
            outstanding[open_at.pop(random.randrange(len(open_at)))] -= 1
        chosen = router.choose(0, outstanding)
        outstanding[chosen] += 1
        open_at.append(chosen)
        assert outstanding[chosen] <= ceil(balance * sum(outstanding) / 20)


def test_a_beginning_comes_home_when_there_is_room():
    router = PrefixAffinity(10, seed=0, balance=1.25)
    home = router.choose(3, [0] * 10)
    full = [1] * 10
    full[home] = 5
    assert router.choose(3, full) != home
    assert router.choose(3, [1] * 10) == home


def test_one_more_replica_moves_few_beginnings():
    before, after = (PrefixAffinity(each, seed=0, balance=2.0) for each in (20, 21))
    homes = [(before.choose(i, [0] * 20), after.choose(i, [0] * 21)) for i in range(4000)]
    moved = [new for old, new in homes if old != new]
    assert set(moved) == {20}  # only to the new one
    assert 0.5 / 21 < len(moved) / len(homes) < 2 / 21


def test_requests_that_share_nothing_go_where_fewest_are():
    assert PrefixAffinity(3, seed=0, balance=2.0).choose(None, [2, 0, 1]) == 1
