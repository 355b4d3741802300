from dataclasses import astuple

import pytest

from benchmarks.percentiles import Percentiles, milliseconds


def test_interpolates_between_the_nearest_values():
    assert Percentiles.of([float(value) for value in range(101)]) == Percentiles(50.0, 95.0, 99.0)
    between = Percentiles.of([1.0, 2.0])
    assert between is not None
    assert astuple(between) == pytest.approx((1.5, 1.95, 1.99))
    assert Percentiles.of([7.0]) == Percentiles(7.0, 7.0, 7.0)


def test_of_nothing_there_are_none():
    assert Percentiles.of([]) is None


def test_milliseconds_keep_three_digits():
    shown = [milliseconds(seconds) for seconds in (0.0084123, 0.027912, 1.0119)]
    assert shown == ["8.41", "27.9", "1012"]
