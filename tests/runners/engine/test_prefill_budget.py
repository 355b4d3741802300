"""What is left for prompts, as sequences take from it."""

from hypothesis import given
from hypothesis import strategies as st

from runners.engine.prefill_budget import MOST_FOR_QUEUE, PrefillBudget, tokens_with_queue


def test_without_a_cost_it_is_a_number_of_tokens():
    budget = PrefillBudget(100)
    assert [budget.take(wanted, 0) for wanted in (30, 60, 30, 1)] == [30, 60, 10, 0]
    assert budget.is_spent


def test_far_into_a_sequence_it_lasts_for_fewer():
    budget = PrefillBudget(100, lambda position: 1 + position / 1000)
    assert budget.take(500, 3000) == 25
    assert budget.is_spent


def test_a_queue_gets_more_of_a_step_but_not_any_amount():
    assert tokens_with_queue(40, num_decoding=8, num_waiting=1) == 40
    assert tokens_with_queue(40, num_decoding=8, num_waiting=5) == 60
    assert tokens_with_queue(40, num_decoding=1, num_waiting=30) == 40 * MOST_FOR_QUEUE


@given(
    st.integers(1, 500),
    st.lists(st.tuples(st.integers(1, 300), st.integers(0, 100_000)), min_size=1),
)
def test_it_is_never_overdrawn_by_more_than_one_token_and_none_starves(tokens, prompts):
    def cost_at(position):
        return 1 + position / 700

    budget = PrefillBudget(tokens, cost_at)
    spent = 0.0
    for index, (wanted, position) in enumerate(prompts):
        taken = budget.take(wanted, position)
        assert taken <= wanted
        assert taken >= 1 or index > 0
        if taken > 1:
            assert spent + taken * cost_at(position) <= tokens + 1e-6
        spent += taken * cost_at(position)
