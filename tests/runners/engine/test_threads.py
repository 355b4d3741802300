import time

import pytest
import torch

from runners.engine import threads
from runners.engine.threads import WIDE_TOKENS, ThreadPlan, tune_threads, usable_cores


class FakeModelRunner:
    """A step that takes the time its test gives it for the threads now set."""

    def __init__(self, step_s):
        self.step_s = step_s

    def embed(self, prompts):
        time.sleep(self.step_s[torch.get_num_threads()])


@pytest.fixture(autouse=True)
def restore_threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("step_s", "expected"),
    [
        ({1: 0.004, 2: 0.002, 4: 0.001}, 4),
        ({1: 0.002, 2: 0.004, 4: 0.008}, 1),
        ({1: 0.004, 2: 0.00395, 4: 0.0039}, 1),  # not worth the cores
    ],
)
def test_the_fastest_number_is_set(monkeypatch, step_s, expected):
    monkeypatch.setattr(threads, "usable_cores", lambda: 4)
    assert tune_threads(FakeModelRunner(step_s)) == ThreadPlan(expected, expected)


def test_wide_steps_get_their_own_number():
    plan = ThreadPlan(narrow=1, wide=2)
    plan.apply(WIDE_TOKENS)
    assert torch.get_num_threads() == 2
    plan.apply(WIDE_TOKENS - 1)
    assert torch.get_num_threads() == 1


def test_cores_are_those_of_this_process():
    assert 1 <= usable_cores()
