import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.prompts import TextPrompts
from benchmarks.schedule import Schedule, Turn

SCHEDULE = Schedule(
    model=Path("tiny"),
    clients=(1, 4, 16),
    rounds=3,
    requests_per_client=2,
    seconds=None,
    prompt_tokens=(8, 16),
    max_tokens=4,
    num_threads=1,
    retries=2,
    seed=0,
)
PROMPTS = TextPrompts(0, 8, 16)


def runs(schedule):
    """Of one server: each attempt at each turn."""
    return [
        schedule.run(turn, attempt, PROMPTS)
        for turn in schedule.turns(["ours"])
        for attempt in range(1 + schedule.retries)
    ]


@pytest.mark.parametrize("seconds", [None, 10.0])
def test_no_two_runs_share_a_prompt(seconds):
    schedule = replace(SCHEDULE, seconds=seconds)
    ranges = sorted(
        (run.first_prompt, run.first_prompt + run.num_warmup + run.num_requests)
        for run in [schedule.warm_up(PROMPTS), *runs(schedule)]
    )
    assert len(ranges) == 1 + 3 * 3 * 3
    for (_, end), (start, _) in itertools.pairwise(ranges):
        assert end <= start


def test_every_server_gets_the_same_prompts():
    ours, theirs = (
        SCHEDULE.run(Turn(server, 4, 1), 0, PROMPTS).first_prompt for server in ("ours", "theirs")
    )
    assert ours == theirs


def test_loads_are_bounded_by_number_or_by_time():
    assert [run.num_requests for run in runs(replace(SCHEDULE, rounds=1, retries=0))] == [4, 8, 32]
    timed = runs(replace(SCHEDULE, rounds=1, retries=0, seconds=5.0))
    assert [run.arrivals.seconds for run in timed] == [5.0] * 3


def test_servers_take_turns_and_the_order_is_reversed():
    turns = list(replace(SCHEDULE, clients=(1, 4), rounds=2).turns(["ours", "theirs"]))
    assert [(turn.clients, turn.server) for turn in turns] == [
        (1, "ours"),
        (1, "theirs"),
        (4, "ours"),
        (4, "theirs"),
        (1, "theirs"),
        (1, "ours"),
        (4, "theirs"),
        (4, "ours"),
    ]
