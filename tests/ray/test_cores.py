"""Cores are reserved one by one, and shared only where too many were promised."""

import os

import pytest

from runners.ray.cores import CoreReservation

pytestmark = pytest.mark.ray


@pytest.fixture
def reserve(tmp_path):
    reservations = []

    def reserve(num_cores):
        reservations.append(CoreReservation(num_cores, tmp_path))
        return reservations[-1]

    yield reserve
    for reservation in reservations:
        reservation.release()


def test_each_has_its_own_until_there_are_none(reserve):
    usable = os.sched_getaffinity(0)
    seen = [reserve(1) for _ in usable]
    assert set().union(*(reservation.cores for reservation in seen)) == usable
    late = reserve(1)
    assert len(late.cores) == 1
    assert late.cores <= usable
    seen[0].release()
    assert reserve(1).cores == seen[0].cores


def test_more_than_there_are_is_all_there_are(reserve):
    assert reserve(10_000).cores == os.sched_getaffinity(0)


def test_they_hold_within_and_not_after(reserve):
    before = os.sched_getaffinity(0)
    with reserve(1).applied():
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before
