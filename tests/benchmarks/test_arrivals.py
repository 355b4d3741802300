import asyncio

import pytest

from benchmarks.arrivals import ClosedLoop, Poisson


async def test_a_closed_loop_keeps_so_many_requests_open():
    num_open, most_open, numbers = 0, 0, []

    async def send(number):
        nonlocal num_open, most_open
        numbers.append(number)
        num_open += 1
        most_open = max(most_open, num_open)
        await asyncio.sleep(0)
        num_open -= 1

    await ClosedLoop(3).drive(send, 10)
    assert most_open == 3
    assert sorted(numbers) == list(range(10))


def test_poisson_gaps_have_the_mean_and_the_spread_of_exponentials():
    times = Poisson(rate_per_s=4.0, seed=1).times_s(20_000)
    gaps = [later - earlier for earlier, later in zip([0.0, *times], times, strict=False)]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert mean == pytest.approx(0.25, rel=0.03)
    assert deviation == pytest.approx(0.25, rel=0.03)


def test_a_seed_is_a_schedule():
    assert Poisson(2.0, seed=3).times_s(5) == Poisson(2.0, seed=3).times_s(5)
    assert Poisson(2.0, seed=3).times_s(5) != Poisson(2.0, seed=4).times_s(5)


async def test_poisson_does_not_wait_for_answers():
    started = []
    answered = asyncio.Event()

    async def send(number):
        started.append(number)
        if len(started) == 5:
            answered.set()
        await answered.wait()

    await asyncio.wait_for(Poisson(rate_per_s=1000.0).drive(send, 5), timeout=5)
    assert started == [0, 1, 2, 3, 4]


async def test_after_its_time_nobody_sends_another():
    numbers = []

    async def send(number):
        numbers.append(number)
        await asyncio.sleep(0.02)

    await ClosedLoop(2, seconds=0.05).drive(send, 1000)
    assert 4 <= len(numbers) <= 8
    numbers.clear()
    await ClosedLoop(3, seconds=0.0).drive(send, 1000)
    assert numbers == [0, 1, 2]
