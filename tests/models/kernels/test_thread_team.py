"""The threads that share a kernel's work: more of them than cores, several callers, a fork."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from models.kernels.packed_weight import pack_float
from models.layers.packed_linear import PackedLinear

OUT_FEATURES, IN_FEATURES, ROWS = 640, 512, 24
THREADS = 16
CALLS = 200


@pytest.fixture
def product():
    """A call of many items, and its result on one thread."""
    x = torch.randn(ROWS, IN_FEATURES)
    linear = PackedLinear(pack_float(torch.randn(OUT_FEATURES, IN_FEATURES)), OUT_FEATURES)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    expected = linear(x)

    def product(num_threads=THREADS):
        torch.set_num_threads(num_threads)  # which is the calling thread's own number
        return all(torch.equal(linear(x), expected) for _ in range(CALLS))

    yield product
    torch.set_num_threads(before)


@pytest.mark.parametrize("num_threads", [2, 3, THREADS])
def test_every_item_is_done_once_however_many_share(product, num_threads):
    assert product(num_threads)


def test_fewer_threads_after_more(product):
    assert product(THREADS)
    assert product(2)


def test_callers_do_not_take_each_others_work(product):
    with ThreadPoolExecutor(4) as callers:
        assert all(callers.map(lambda _: product(), range(8)))


def test_a_forked_process_has_threads_of_its_own(product):
    assert product()
    child = os.fork()
    if child == 0:  # leaves by no other way: everything else here is the parent's
        signal.alarm(60)
        os._exit(0 if product() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
