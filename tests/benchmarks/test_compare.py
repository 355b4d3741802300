from pathlib import Path

from benchmarks.compare import Schedule, _runs, _warm_up
from benchmarks.prompts import TextPrompts


def test_no_two_runs_share_a_prompt():
    schedule = Schedule(
        model=Path("tiny"),
        clients=(1, 4, 16),
        rounds=3,
        requests_per_client=2,
        prompt_tokens=(8, 16),
        max_tokens=4,
        num_threads=1,
        seed=0,
    )
    prompts = TextPrompts(0, 8, 16)
    runs = [_warm_up(schedule, prompts), *_runs(schedule, prompts)]
    used = [
        run.first_prompt + number
        for run in runs
        for number in range(run.num_warmup + run.num_requests)
    ]
    assert len(used) == len(set(used))
    assert [run.arrivals.label for run in runs[1:4]] == ["1 client", "4 clients", "16 clients"]
    assert [run.num_requests for run in runs[1:4]] == [4, 8, 32]
