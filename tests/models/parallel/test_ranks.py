"""What ranks exchange, between threads that each hold a rank of their own."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psutil
import pytest
import torch

from models.parallel.ranks import RankLostError, Ranks

CPU = torch.device("cpu")


@pytest.fixture
def together(tmp_path):
    """Runs a function on every rank at once, and returns what each returned."""

    def together(size, work, timeout=timedelta(seconds=60)):
        def run(rank):
            ranks = Ranks(rank, size)
            ranks.connect(tmp_path / "meet", CPU, timeout)
            try:
                return work(ranks)
            finally:
                ranks.close()

        with ThreadPoolExecutor(size) as pool:
            return list(pool.map(run, range(size)))

    return together


@pytest.mark.parametrize("size", [2, 3])
def test_a_sum_has_the_same_bits_on_every_rank_and_for_every_row(together, size):
    torch.manual_seed(0)
    parts = torch.randn(size, 7, 33)

    def work(ranks):
        part = parts[ranks.rank]
        return ranks.sum(part), torch.cat([ranks.sum(part[i : i + 1]) for i in range(7)])

    expected = parts[0].clone()
    for part in parts[1:]:
        expected += part
    for whole, by_row in together(size, work):
        assert torch.equal(whole, expected)
        assert torch.equal(by_row, expected)


def test_a_sum_of_no_rows_is_empty(together):
    assert [s.shape for s in together(2, lambda ranks: ranks.sum(torch.empty(0, 4)))] == [
        (0, 4)
    ] * 2


def test_only_rank_0_gathers(together):
    first, second = together(2, lambda ranks: ranks.gather(torch.full((3,), float(ranks.rank))))
    assert first.tolist() == [[0.0] * 3, [1.0] * 3]
    assert second is None


def test_everyone_gets_what_rank_0_broadcasts(together):
    def work(ranks):
        tensor = torch.full((4,), float(ranks.rank + 5))
        ranks.broadcast(tensor)
        return tensor.tolist()

    assert together(2, work) == [[5.0] * 4] * 2


def test_one_that_leaves_is_missed_at_once(together):
    def work(ranks):
        if ranks.rank == 1:
            return None
        with pytest.raises(RankLostError, match="lost each other"):
            ranks.sum(torch.ones(3))

    together(2, work)


def test_one_that_stands_still_is_waited_for_so_long(together):
    is_over = threading.Event()

    def work(ranks):
        if ranks.rank == 1:
            assert is_over.wait(60)
            return
        with pytest.raises(RankLostError, match="lost each other"):
            ranks.sum(torch.ones(3))
        is_over.set()

    together(2, work, timedelta(seconds=5))


def test_one_that_does_not_come_is_waited_for_so_long(tmp_path):
    with pytest.raises(RankLostError, match="lost each other"):
        Ranks(0, 2).connect(tmp_path / "meet", CPU, timedelta(seconds=0.3))


def test_a_lost_rank_is_no_request_s_fault():
    assert not issubclass(RankLostError, Exception)


def test_nobody_else_is_listened_to(together):
    def addresses(ranks):
        ranks.sum(torch.ones(1))
        mine = psutil.Process(os.getpid()).net_connections("tcp")
        return {c.laddr.ip for c in mine if c.status == psutil.CONN_LISTEN}

    before = {
        c.laddr.ip
        for c in psutil.Process(os.getpid()).net_connections("tcp")
        if c.status == psutil.CONN_LISTEN
    }
    for found in together(2, addresses):
        assert found - before == {"127.0.0.1"}
