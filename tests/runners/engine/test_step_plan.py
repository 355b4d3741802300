from types import SimpleNamespace

import pytest
import torch

from runners.engine import step_plan
from runners.engine.step_plan import WIDE_TOKENS, StepPlan, plan_steps, usable_cores


class FakeModelRunner:
    """A step that takes the time its test gives it for the threads now set; four times as long
    behind a context. The time passes on a clock of its own."""

    model = SimpleNamespace(max_model_len=600)

    def __init__(self, step_s):
        self.step_s = step_s
        self.now_s = 0.0

    def perf_counter(self):
        return self.now_s

    def embed(self, prompts):
        self.now_s += self.step_s[torch.get_num_threads()]

    def compute_behind(self, context, token_ids):
        assert context + len(token_ids) == self.model.max_model_len
        self.now_s += 4 * self.step_s[torch.get_num_threads()]


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
    monkeypatch.setattr(step_plan, "usable_cores", lambda: 4)
    model_runner = FakeModelRunner(step_s)
    monkeypatch.setattr(step_plan, "time", model_runner)
    plan = plan_steps(model_runner)
    assert (plan.narrow_threads, plan.wide_threads) == (expected, expected)
    assert plan.doubling_context == pytest.approx((600 - 128) / 3)


def test_wide_steps_get_their_own_number():
    plan = StepPlan(
        narrow_threads=1,
        wide_threads=2,
        narrow_step_tokens=20,
        unnoticed_tokens=5,
        doubling_context=1000,
    )
    plan.apply(WIDE_TOKENS)
    assert torch.get_num_threads() == 2
    plan.apply(WIDE_TOKENS - 1)
    assert torch.get_num_threads() == 1


def test_a_prompt_stretches_a_step_to_less_than_three_times_its_length():
    plan = StepPlan(
        narrow_threads=1,
        wide_threads=1,
        narrow_step_tokens=20,
        unnoticed_tokens=5,
        doubling_context=1000,
    )
    assert plan.prompt_tokens_beside(1) == plan.prompt_tokens_beside(8) == 34
    assert plan.prompt_tokens_beside(18) == 51
    hardly_any = StepPlan(
        narrow_threads=1,
        wide_threads=1,
        narrow_step_tokens=0.1,
        unnoticed_tokens=0.2,
        doubling_context=1000,
    )
    assert hardly_any.prompt_tokens_beside(1) == step_plan.MIN_PROMPT_TOKENS


def test_steps_too_short_to_notice_are_stretched_further():
    plan = StepPlan(1, 1, narrow_step_tokens=20, unnoticed_tokens=128, doubling_context=1000)
    assert plan.prompt_tokens_beside(8) == 128
    assert plan.prompt_tokens_beside(60) == 128
    assert plan.prompt_tokens_beside(0) == 34  # of steps that nobody waits in


def test_a_token_costs_what_it_attends_to_as_well():
    plan = StepPlan(1, 1, narrow_step_tokens=20, unnoticed_tokens=5, doubling_context=1000)
    assert [plan.cost_at(position) for position in (0, 1000, 3000)] == [1, 2, 4]


def test_cores_are_those_of_this_process():
    assert 1 <= usable_cores()
