"""The engine's equalities: however a request is cut up, shared, preempted or crowded, its tokens
are those it gets alone."""

import random

import pytest
import torch
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from runners.engine.errors import ContextLengthError, RequestError
from runners.engine.request import BACKGROUND_PRIORITY, FinishReason


def prompts(count, seed=0, low=1, high=60, vocab=97):
    rng = random.Random(seed)
    shared = [rng.randrange(vocab) for _ in range(24)]
    return [
        (
            shared[: rng.randrange(25)]
            + [rng.randrange(vocab) for _ in range(rng.randint(low, high))]
        )
        for _ in range(count)
    ]


@pytest.fixture
def alone(make_engine, run, request_of):
    """What each prompt yields by itself, without a prefix cache, computed whole."""

    def alone(all_prompts, **params):
        results = {}
        for i, prompt in enumerate(all_prompts):
            engine = make_engine(prefix_caching=False, max_batch_tokens=256)
            results |= run(engine, request_of(f"r{i}", prompt, **params))
        return results

    return alone


@pytest.mark.parametrize("chunk", [1, 7, 256])
@pytest.mark.parametrize("prefix_caching", [False, True])
@pytest.mark.parametrize("num_blocks", [34, 200])
def test_crowded_equals_alone(
    make_engine, run, request_of, alone, chunk, prefix_caching, num_blocks
):
    work = prompts(16)
    engine = make_engine(
        num_blocks=num_blocks,
        prefix_caching=prefix_caching,
        max_batch_tokens=max(8, chunk),
        max_prefill_tokens_while_decoding=chunk,
    )
    requests = [request_of(f"r{i}", prompt, max_tokens=40) for i, prompt in enumerate(work)]
    assert run(engine, *requests) == alone(work, max_tokens=40)
    stats = engine.stats()
    assert (stats.total_preemptions > 0) == (num_blocks == 34)
    assert (stats.total_cached_tokens > 0) == prefix_caching


@settings(
    max_examples=60,
    deadline=None,
    # The fixtures are factories without state: every example makes its own engine.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_schedule_equals_alone(make_engine, request_of, alone, data):
    """Random sizes, priorities, arrival times, aborts and budgets."""
    work = prompts(data.draw(st.integers(1, 8)), seed=data.draw(st.integers(0, 10**6)), high=30)
    sampled = {"temperature": 1.0, "seed": 5, "max_tokens": data.draw(st.integers(1, 20))}
    block_size = data.draw(st.sampled_from([3, 4, 8]))
    engine = make_engine(
        num_blocks=75 // block_size
        + data.draw(st.integers(1, 20)),  # the longest alone, or little more
        block_size=block_size,
        prefix_caching=data.draw(st.booleans()),
        max_num_seqs=data.draw(st.integers(1, 6)),
        max_batch_tokens=data.draw(st.integers(6, 40)),
        max_prefill_tokens_while_decoding=data.draw(st.integers(1, 16)),
    )
    priorities = st.sampled_from([-1, 0, 1, BACKGROUND_PRIORITY])
    arrivals = {i: (data.draw(st.integers(0, 15)), data.draw(priorities)) for i in range(len(work))}
    aborts = {data.draw(st.integers(0, 30)): f"r{data.draw(st.integers(0, len(work) - 1))}"}
    got, ended, step = {}, {}, 0
    while engine.has_work or arrivals:
        for i in [i for i, (at, _) in arrivals.items() if at <= step]:
            _, priority = arrivals.pop(i)
            engine.add_request(request_of(f"r{i}", work[i], priority=priority, **sampled))
        outputs = engine.abort(aborts[step]) if step in aborts else []
        for output in outputs + engine.step():
            got.setdefault(output.request_id, []).extend(output.token_ids)
            if output.finish_reason:
                assert output.request_id not in ended
                ended[output.request_id] = output.finish_reason
        engine.check_integrity()
        step += 1
        assert step < 5000, "no progress"
    assert engine.stats().num_blocks_in_use == 0
    event(f"preemptions: {min(engine.stats().total_preemptions, 3)}")
    for (name, _), (expected, reason) in alone(work, **sampled).items():
        was_aborted = ended[name] is FinishReason.ABORT
        assert ended[name] in (reason, FinishReason.ABORT)
        assert got.get(name, []) == (expected[: len(got[name])] if was_aborted else expected)


def test_seed_gives_the_same_choices_alone_and_in_a_crowd(make_engine, run, request_of, alone):
    work = prompts(8, seed=3)
    sampled = {"temperature": 0.9, "top_p": 0.9, "seed": 11, "n": 3, "presence_penalty": 0.5}
    engine = make_engine(num_blocks=40)
    got = run(engine, *(request_of(f"r{i}", p, **sampled) for i, p in enumerate(work)))
    assert got == alone(work, **sampled)
    assert len({tuple(got["r0", i][0]) for i in range(3)}) == 3, "the choices do not differ"


def test_choices_share_the_prompt(make_engine, run, request_of, hash_lm):
    model = hash_lm()
    engine = make_engine(model)
    run(engine, request_of("r", range(40), n=4, temperature=1.0, seed=1, max_tokens=1))
    num_computed = sum(batch.num_tokens for batch in model.batches)
    assert num_computed == 40 + 3 * 4  # the others recompute the last block, to sample from it


def test_simultaneous_prompts_with_one_prefix_compute_it_once(
    make_engine, run, request_of, hash_lm
):
    model = hash_lm()
    system = list(range(32))
    engine = make_engine(model, max_batch_tokens=16)
    requests = [request_of(f"r{i}", [*system, i, i + 1], max_tokens=1) for i in range(5)]
    run(engine, *requests)
    assert sum(batch.num_tokens for batch in model.batches) == 32 + 5 * 2


def test_second_request_finds_the_first_ones_blocks(make_engine, run, request_of):
    engine = make_engine()
    first = run(engine, request_of("a", range(40)))
    second = run(engine, request_of("b", range(40)))
    assert first["a", 0] == second["b", 0]
    assert engine.stats().total_cached_tokens == 36


def test_each_step_keeps_to_the_token_budget(make_engine, run, request_of, hash_lm):
    model = hash_lm()
    engine = make_engine(model, max_batch_tokens=20, max_prefill_tokens_while_decoding=5)
    run(engine, *(request_of(f"r{i}", p) for i, p in enumerate(prompts(12))))
    for batch in model.batches:
        decoding = sum(length == 1 for length in batch.query_lens)
        assert batch.num_tokens <= 20
        if decoding and batch.num_seqs > decoding:
            assert batch.num_tokens - decoding <= 20


def test_better_priority_goes_first(make_engine, request_of):
    engine = make_engine(max_num_seqs=1)
    engine.add_request(request_of("late", [1, 2], priority=5, max_tokens=2))
    engine.add_request(request_of("soon", [1, 2], priority=0, max_tokens=2))
    order = []
    while engine.has_work:
        order += [output.request_id for output in engine.step()]
    assert order == ["soon", "soon", "late", "late"]


@pytest.mark.parametrize("when", ["queued", "prefill", "decode"])
def test_abort_frees_everything(make_engine, request_of, when):
    engine = make_engine(max_batch_tokens=16)
    engine.add_request(request_of("r", range(40), n=2, max_tokens=30))
    for _ in range({"queued": 0, "prefill": 1, "decode": 8}[when]):
        engine.step()
    outputs = engine.abort("r")
    assert [(o.index, o.finish_reason) for o in outputs] == [
        (0, FinishReason.ABORT),
        (1, FinishReason.ABORT),
    ]
    assert not engine.has_work
    assert engine.stats().num_blocks_in_use == 0
    assert engine.abort("r") == []


def test_one_choice_is_aborted_alone(make_engine, run, request_of, alone):
    engine = make_engine()
    sampled = {"n": 2, "temperature": 1.0, "seed": 4}
    engine.add_request(request_of("r0", [1, 2, 3], **sampled))
    engine.abort("r0", 0)
    assert run(engine)["r0", 1] == alone([[1, 2, 3]], **sampled)["r0", 1]


def test_a_row_that_is_not_finite_fails_alone(make_engine, run, request_of, hash_lm, alone):
    model = hash_lm()
    model.poison = 96
    good, bad = [1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 5, 6, 7, 8, 96]
    expected = alone([good])["r0", 0]
    assert 96 not in expected[0]
    engine = make_engine(model)
    got = run(engine, request_of("bad", bad), request_of("r0", good))
    assert got["bad", 0] == ([], FinishReason.ERROR)
    assert got["r0", 0] == expected


def test_a_forward_that_raises_fails_only_its_cause(make_engine, run, request_of, hash_lm, caplog):
    model = hash_lm()
    model.bomb = 96
    engine = make_engine(model)
    got = run(engine, request_of("bad", [1, 96]), request_of("good", [1, 2, 3], max_tokens=1))
    assert got["bad", 0] == ([], FinishReason.ERROR)
    assert got["good", 0][1] is FinishReason.LENGTH
    assert "running each alone" in caplog.text


def test_end_of_sequence(make_engine, run, request_of, alone):
    tokens, _ = alone([[1, 2, 3]])["r0", 0]
    eos = tokens[4]
    upto = tokens[: tokens.index(eos) + 1]
    engine = make_engine(eos_token_ids=frozenset({eos}))
    assert run(engine, request_of("a", [1, 2, 3]))["a", 0] == (upto, FinishReason.STOP)
    ignored = run(engine, request_of("b", [1, 2, 3], ignore_eos=True))["b", 0]
    assert ignored == (tokens, FinishReason.LENGTH)
    own = run(engine, request_of("c", [1, 2, 3], ignore_eos=True, stop_token_ids=frozenset({eos})))
    assert own["c", 0] == (upto, FinishReason.STOP)
    late = run(engine, request_of("d", [1, 2, 3], min_tokens=8))["d", 0]
    assert len(late[0]) >= 8
    assert eos not in late[0][:7]


def test_without_max_tokens_it_runs_to_the_context(make_engine, run, request_of, hash_lm):
    engine = make_engine(hash_lm(max_model_len=50), num_blocks=64)
    tokens, reason = run(engine, request_of("r", range(20), max_tokens=None))["r", 0]
    assert (len(tokens), reason) == (30, FinishReason.LENGTH)


def test_what_can_never_fit_is_refused_with_the_numbers(make_engine, request_of):
    engine = make_engine(num_blocks=10)  # 40 tokens
    with pytest.raises(ContextLengthError, match=r"40 tokens.*takes 39"):
        engine.add_request(request_of("r", range(40)))
    with pytest.raises(ContextLengthError, match="at most 5 tokens"):
        engine.add_request(request_of("r", range(35), max_tokens=6))
    engine.add_request(request_of("r", range(35), max_tokens=5))
    with pytest.raises(RequestError, match="already running"):
        engine.add_request(request_of("r", [1]))
    with pytest.raises(RequestError, match="token id 97"):
        engine.add_request(request_of("x", [97]))
    with pytest.raises(RequestError, match="token id -1"):
        engine.add_request(request_of("x", [1], logit_bias={-1: 1.0}))
    with pytest.raises(RequestError, match="no tokens"):
        engine.add_request(request_of("x", []))


def test_embeddings_leave_the_engine_as_it_was(make_engine, hash_lm):
    engine = make_engine()
    vectors = engine.embed([[1, 2, 3], list(range(20))])
    assert vectors.shape == (2, 8)
    assert torch.allclose(vectors.norm(dim=-1), torch.ones(2, dtype=vectors.dtype))
    assert engine.stats().num_blocks_in_use == 0
