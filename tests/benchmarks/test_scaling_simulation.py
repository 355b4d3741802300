"""The whole simulation, against what is known of queues and what must hold of any."""

from dataclasses import replace
from itertools import islice

import pytest

from benchmarks.scaling.replica import ReplicaLimits
from benchmarks.scaling.simulation import POLICIES, Simulation, router, simulate
from benchmarks.scaling.step_model import StepModel
from benchmarks.scaling.workload import Workload

MODEL = StepModel(
    step=0.014, sequence=0.001, decode_context=3e-6, prompt=0.0013, prompt_context=5e-7
)
LIMITS = ReplicaLimits(
    max_num_seqs=64, max_batch_tokens=512, max_waiting=256, cache_tokens=87_376,
    prompt_tokens_beside=tuple(26 + 2 * max(0, n - 8) for n in range(65)),
)  # fmt: skip


def outcome(policy="random", replicas=10, rate=0.5, requests=1000, seed=0, **options):
    return simulate(
        MODEL, LIMITS, Workload(), policy=policy, replicas=replicas, rate_per_replica=rate,
        requests=requests, seed=seed, **options,
    )  # fmt: skip


def test_a_queue_for_one_waits_as_pollaczek_and_khinchine_say():
    """One sequence at a time and steps of one length are an M/G/1 queue: waiting is on average
    rate * E[S^2] / (2 * (1 - load)), here with S geometric."""
    step_s, mean = 0.01, 64
    load = 0.6
    rate = load / (step_s * mean)
    second_moment = step_s**2 * (2 - 1 / mean) * mean**2
    waiting_s = rate * second_moment / (2 * (1 - load))
    result = simulate(
        StepModel(step_s, 0.0, 0.0, 0.0, 0.0),
        replace(LIMITS, max_num_seqs=1, max_waiting=10_000),
        Workload(prefixes_per_replica=1, prefix_tokens=16, own_tokens=(1, 1)),
        policy="random", replicas=1, rate_per_replica=rate, requests=20_000, seed=1,
    )  # fmt: skip
    mean_s = sum(result.first_tokens_s) / len(result.first_tokens_s)
    assert mean_s == pytest.approx(waiting_s + step_s, rel=0.1)


@pytest.mark.parametrize("policy", POLICIES)
def test_each_request_is_answered_once(policy):
    simulation = Simulation(MODEL, LIMITS, 5, router(policy, 5, seed=0, balance=2.0))
    requests = list(islice(Workload().requests(rate=10, replicas=5, seed=3), 500))
    simulation.env.process(simulation.arrivals(requests))
    simulation.env.run()
    assert [answer.request for answer in simulation.answers] == requests
    assert sum(simulation.routed) == 500
    assert simulation.outstanding == [0] * 5
    for answer in simulation.answers:
        assert answer.computed_tokens == answer.request.prompt_tokens
        assert 0 < answer.first_token_s <= answer.done_s


def test_too_much_work_is_refused_and_counted():
    crowded = simulate(
        MODEL, replace(LIMITS, max_num_seqs=4, max_waiting=4), Workload(), policy="random",
        replicas=1, rate_per_replica=5.0, requests=300, seed=0,
    )  # fmt: skip
    assert crowded.refused > 0
    assert crowded.refused + len(crowded.first_tokens_s) == 200


def test_a_seed_gives_the_same_again():
    assert outcome(seed=5) == outcome(seed=5)
    assert outcome(seed=5) != outcome(seed=6)


def test_policies_are_alike_for_one_replica():
    alike = [outcome(policy, replicas=1, requests=300) for policy in POLICIES]
    assert alike[0] == alike[1] == alike[2]


def test_affinity_finds_more_in_the_caches_and_answers_sooner():
    random, least, affinity = (outcome(policy, replicas=20) for policy in POLICIES)
    assert affinity.hit_rate > 2 * max(random.hit_rate, least.hit_rate)
    assert affinity.p50_s < least.p50_s < random.p50_s
    assert affinity.p99_s < random.p99_s


def test_a_bound_evens_out_what_affinity_would_pile_up():
    bounded = outcome("prefix affinity", replicas=20, balance=1.25)
    unbounded = outcome("prefix affinity", replicas=20, balance=1000.0)
    assert bounded.busiest < unbounded.busiest
    assert bounded.hit_rate < unbounded.hit_rate


def test_more_load_takes_longer():
    p99s_s = [outcome("least outstanding", rate=rate).p99_s for rate in (0.25, 0.75, 1.25)]
    assert p99s_s == sorted(p99s_s)
