"""A simulated replica: its times are those of its steps, and its cache forgets the oldest."""

from dataclasses import replace

import pytest
import simpy

from benchmarks.scaling.prefix_cache import PrefixCache
from benchmarks.scaling.replica import Answer, Replica, ReplicaLimits
from benchmarks.scaling.step_model import StepModel
from benchmarks.scaling.workload import Request

MODEL = StepModel(step=0.01, sequence=0.001, decode_context=1e-6, prompt=0.001, prompt_context=1e-7)
LIMITS = ReplicaLimits(
    max_num_seqs=4, max_batch_tokens=512, max_waiting=8, cache_tokens=4096,
    prompt_tokens_beside=(32,) * 5,
)  # fmt: skip


def served(requests, limits=LIMITS, model=MODEL):
    """What becomes of each, on one replica."""
    env = simpy.Environment()
    replica = Replica(env, model, limits, lambda answer: None)
    answers = [Answer(request) for request in requests]

    def arrive():
        for answer in answers:
            yield env.timeout(answer.request.arrival_s - env.now)
            replica.submit(answer)

    env.process(arrive())
    env.run()
    return answers


def request(arrival_s=0.0, prefix=None, prefix_tokens=0, own=100, answer=10):
    return Request(arrival_s, prefix, prefix_tokens, own, answer)


def test_a_request_alone_takes_its_steps():
    (answer,) = served([request(own=100, answer=10)])
    first_s = MODEL.seconds_of(1, decoding=0, context=0, prompt=100)
    assert answer.first_token_s == pytest.approx(first_s)
    more_s = MODEL.seconds_of(9, decoding=1, context=100)
    assert answer.done_s == pytest.approx(first_s + more_s)


def test_who_comes_meanwhile_waits_for_the_step_that_runs():
    """The first decodes alone; the second, 32 tokens, goes beside it in the very next step."""
    first_s = MODEL.seconds_of(1, decoding=0, context=0, prompt=100)
    until_s = first_s + MODEL.seconds_of(3, decoding=1, context=100)
    arrival_s = until_s - 0.004
    _, second = served([request(answer=50), request(arrival_s, own=32)])
    beside_s = MODEL.seconds_of(1, decoding=1, context=103, prompt=32)
    assert second.first_token_s == pytest.approx(0.004 + beside_s)


def test_a_long_prompt_goes_in_chunks_beside_who_decodes():
    second = served([request(answer=1000), request(0.2, own=320)])[1]
    assert second.first_token_s > MODEL.seconds_of(10, decoding=1, context=100, prompt=32)


def test_a_known_beginning_is_not_computed_again():
    first, second = served([request(0.0, 7, 256, own=16), request(5.0, 7, 256, own=16)])
    assert (first.cached_tokens, second.cached_tokens) == (0, 256)
    hit_s = MODEL.seconds_of(1, decoding=0, context=0, prompt=16, prompt_context=256)
    assert second.first_token_s == pytest.approx(hit_s)


def test_who_begins_alike_stands_aside_and_then_finds_it():
    limits = replace(LIMITS, max_batch_tokens=128)
    first, second = served([request(0.0, 7, 256, own=16), request(0.001, 7, 256, own=16)], limits)
    assert (first.cached_tokens, second.cached_tokens) == (0, 256)
    assert second.first_token_s == pytest.approx(first.first_token_s - 0.001)  # in one step


def test_too_many_are_refused():
    answers = served([request(0.001 * i) for i in range(20)])
    refused = [answer for answer in answers if answer.first_token_s is None]
    assert len(refused) == 20 - LIMITS.max_num_seqs - LIMITS.max_waiting
    assert refused == answers[-len(refused) :]


def test_a_request_that_never_has_room_is_an_error():
    with pytest.raises(ValueError, match="the cache holds 4096"):
        served([request(own=5000)])


def test_the_cache_forgets_what_was_used_longest_ago():
    cache = PrefixCache(1000)
    for prefix in (1, 2, 1):
        cache.remember(request(prefix=prefix, prefix_tokens=300, own=60, answer=40))
    assert (cache.is_computed(1), cache.is_computed(2)) == (True, True)
    cache.remember(request(prefix=3, prefix_tokens=300, own=60, answer=40))
    assert (cache.is_computed(1), cache.is_computed(2), cache.is_computed(3)) == (True, False, True)


def test_the_cache_keeps_what_is_in_use():
    cache = PrefixCache(1000)
    used = request(prefix=1, prefix_tokens=600, own=60, answer=40)
    assert cache.take(used)
    assert not cache.take(request(prefix=2, prefix_tokens=600, own=60, answer=40))
    cache.computed(1)
    assert cache.take(request(prefix=1, prefix_tokens=600, own=60, answer=40))
    assert cache.free == 1000 - 600 - 2 * 100
