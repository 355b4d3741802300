"""The bridge: many coroutines on one engine's thread, and what happens when either side goes
away."""

import asyncio
import threading

import pytest

from runners.engine.errors import EngineClosedError, QueueFullError, RequestError
from runners.engine.request import BACKGROUND_PRIORITY, FinishReason
from runners.engine.scoring_task import ScoringTask
from runners.runner import Runner, RunnerState


@pytest.fixture
async def start(make_engine):
    """Start a runner on a fresh engine and wait until it is ready."""
    runners = []

    async def start(engine=None, **kwargs):
        runner = Runner(lambda: engine or make_engine(), **kwargs)
        runners.append(runner)
        runner.start()
        while runner.state is RunnerState.LOADING:
            await asyncio.sleep(0.001)
        return runner

    yield start
    for runner in runners:
        runner.close()


async def collect(stream):
    tokens, reason = [], None
    async for output in stream:
        tokens += output.token_ids
        reason = output.finish_reason
    return tokens, reason


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.002)


async def test_many_streams_equal_the_engine_alone(start, make_engine, run, request_of):
    runner = await start()
    requests = [request_of(f"r{i}", range(i + 1)) for i in range(20)]
    got = await asyncio.gather(*(collect(runner.generate(request)) for request in requests))
    expected = run(make_engine(), *requests)
    assert got == [expected[f"r{i}", 0] for i in range(20)]
    assert runner.stats().num_blocks_in_use == 0


async def test_leaving_a_stream_frees_its_sequences(start, request_of):
    runner = await start()
    async with runner.generate(request_of("r", [1], max_tokens=200, n=3)) as stream:
        await anext(stream)
        assert runner.stats().num_running == 3
    await until(lambda: runner.stats().num_running == 0)
    assert runner.stats().num_blocks_in_use == 0


async def test_one_choice_can_be_aborted(start, request_of):
    runner = await start()
    stream = runner.generate(request_of("r", [1], max_tokens=100, n=2))
    runner.abort("r", 1)
    reasons = {o.index: o.finish_reason async for o in stream if o.finish_reason}
    assert reasons == {0: FinishReason.LENGTH, 1: FinishReason.ABORT}


async def test_bad_requests_are_refused_before_anything_is_queued(start, request_of):
    runner = await start()
    with pytest.raises(RequestError, match="token id 500"):
        runner.generate(request_of("r", [500]))
    stream = runner.generate(request_of("r", [1]))
    with pytest.raises(RequestError, match="already running"):
        runner.generate(request_of("r", [1]))
    assert (await collect(stream))[1] is FinishReason.LENGTH


async def test_a_full_queue_refuses_with_a_time_to_wait(start, request_of):
    runner = await start(max_waiting=2)
    limit = 2 + runner.limits.max_num_seqs
    streams = [runner.generate(request_of(f"r{i}", [1], max_tokens=200)) for i in range(limit)]
    with pytest.raises(QueueFullError, match=f"the limit of {limit}") as error:
        runner.generate(request_of("late", [1]))
    assert error.value.retry_after_s > 0
    await asyncio.gather(*(collect(stream) for stream in streams))
    await collect(runner.generate(request_of("late", [1])))
    with pytest.raises(RequestError, match=f"at most {limit} sequences"):
        runner.generate(request_of("huge", [1], n=limit + 1))


async def test_the_background_takes_no_room_in_the_queue(start, request_of):
    runner = await start(max_waiting=0)
    limit = runner.limits.max_num_seqs
    many = {"n": limit, "max_tokens": 100}
    background = {"priority": BACKGROUND_PRIORITY} | many
    streams = [runner.generate(request_of("later", [1], **background))]
    streams.append(runner.generate(request_of("now", [1], **many)))
    for late in ({}, {"priority": BACKGROUND_PRIORITY}):
        with pytest.raises(QueueFullError):
            runner.generate(request_of("late", [1], **late))
    await asyncio.gather(*(collect(stream) for stream in streams))


async def test_drain_finishes_what_runs_and_refuses_the_rest(start, request_of):
    runner = await start()
    stream = runner.generate(request_of("r", [1], max_tokens=50))
    task = asyncio.create_task(collect(stream))
    draining = asyncio.create_task(runner.drain(5))
    await asyncio.sleep(0)
    with pytest.raises(EngineClosedError, match="shutting down"):
        runner.generate(request_of("late", [1]))
    await draining
    tokens, reason = await task
    assert (len(tokens), reason) == (50, FinishReason.LENGTH)
    assert runner.stats().num_blocks_in_use == 0


async def test_drain_aborts_at_its_deadline(start, request_of, make_engine, hash_lm):
    gate = threading.Event()
    model = hash_lm()
    forward = model.forward
    model.forward = lambda *args: (gate.wait(0.02), forward(*args))[1]
    runner = await start(make_engine(model))
    task = asyncio.create_task(collect(runner.generate(request_of("r", [1], max_tokens=200))))
    await asyncio.sleep(0.05)
    await runner.drain(0.05)
    assert (await task)[1] is FinishReason.ABORT


async def test_close_ends_every_stream(start, request_of):
    runner = await start()
    stream = runner.generate(request_of("r", [1], max_tokens=200))
    runner.close()
    assert (await collect(stream))[1] is FinishReason.ABORT


async def test_a_model_that_does_not_load_is_told(start):
    def fail():
        raise ValueError("no such model")

    runner = Runner(fail)
    runner.start()
    await until(lambda: runner.state is RunnerState.FAILED)
    assert isinstance(runner.failure, ValueError)
    with pytest.raises(EngineClosedError, match="no such model"):
        _ = runner.generate(None)
    runner.close()


async def test_what_the_engine_needs_and_loses_ends_every_stream(start, request_of, caplog):
    runner = await start()
    stream = runner.generate(request_of("r", [1], max_tokens=200))
    runner.fail(SystemExit("a process is gone"))
    assert (await collect(stream))[1] is FinishReason.ERROR
    assert runner.state is RunnerState.FAILED
    with pytest.raises(EngineClosedError, match="a process is gone"):
        _ = runner.generate(request_of("late", [1]))
    assert "the engine has stopped" in caplog.text


async def test_an_engine_that_breaks_ends_every_stream(start, make_engine, request_of, caplog):
    engine = make_engine()
    runner = await start(engine)
    engine.step = lambda: 1 / 0
    streams = [runner.generate(request_of(f"r{i}", [1])) for i in range(3)]
    results = await asyncio.gather(*(collect(stream) for stream in streams))
    assert {reason for _, reason in results} == {FinishReason.ERROR}
    assert runner.state is RunnerState.FAILED
    assert "the engine has stopped" in caplog.text


async def test_embeddings_between_steps(start, request_of):
    runner = await start()
    stream = runner.generate(request_of("r", [1], max_tokens=100))
    vectors = await runner.embed([[1, 2], [3]] * 3)
    assert [len(vector) for vector in vectors] == [8] * 6
    assert vectors[0] == vectors[2]
    with pytest.raises(RequestError, match="token id 99"):
        await runner.embed([[99]])
    assert (await collect(stream))[1] is FinishReason.LENGTH


async def test_steps_are_observed(start, request_of):
    seen = []
    runner = await start(on_step=seen.append)
    await collect(runner.generate(request_of("r", range(10), max_tokens=3)))
    assert [(s.num_seqs, s.num_tokens) for s in seen] == [(1, 10), (1, 1), (1, 1)]


async def test_many_who_leave_at_once_cost_one_step(start, request_of, make_engine, hash_lm):
    gate = threading.Event()
    gate.set()
    model = hash_lm()
    forward = model.forward
    model.forward = lambda *args: (gate.wait(5), forward(*args))[1]
    steps = []
    runner = await start(make_engine(model), on_step=steps.append)
    streams = [runner.generate(request_of(f"r{i}", [1], max_tokens=240)) for i in range(8)]
    await until(lambda: steps and steps[-1].num_seqs == 8)
    gate.clear()
    await asyncio.sleep(0.05)  # a step has begun, and waits
    num_before = len(steps)
    for stream in streams:
        await stream.aclose()
    gate.set()
    ends = await asyncio.gather(*(collect(stream) for stream in streams))
    assert {reason for _, reason in ends} == {FinishReason.ABORT}
    assert len(steps) <= num_before + 1


async def test_scores_between_steps(start, request_of):
    runner = await start()
    stream = runner.generate(request_of("r", [1], max_tokens=100))
    tasks = [ScoringTask((1, 2), ((3,), (3, 4))), ScoringTask((5,), ((3,),))] * 2
    scores = await runner.score(tasks)
    assert [len(row) for row in scores] == [2, 1] * 2
    assert scores[:2] == scores[2:]
    with pytest.raises(RequestError, match="token id 99"):
        await runner.score([ScoringTask((1,), ((99,),))])
    assert (await collect(stream))[1] is FinishReason.LENGTH
