"""Many inputs at once: one call to the server, and yet every input's own callbacks and errors."""

import asyncio
import threading

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.runnables import RunnableLambda

from langchain_kamado import (
    BadRequestError,
    ChatKamado,
    ContextLengthError,
    RequestCancelledError,
)

pytestmark = pytest.mark.slow

QUESTIONS = [f"What is {a} plus {b}?" for a in (11, 12, 13) for b in (4, 7)]
TOO_LONG = "a b " * 3000
ENDLESS = {"max_tokens": 1900, "ignore_eos": True}


class Recorder(BaseCallbackHandler):
    def __init__(self):
        self.started, self.ended, self.failed = [], [], []

    def on_chat_model_start(self, serialized, messages, *, run_id, **kwargs):
        self.started.append(run_id)

    def on_llm_end(self, response, *, run_id, **kwargs):
        self.ended.append(run_id)

    def on_llm_error(self, error, *, run_id, **kwargs):
        self.failed.append(run_id)


@pytest.fixture
def num_calls(watch):
    """How many calls of a route the server has answered."""

    def count(route):
        return watch.metric(f'kamado_requests_total{{route="{route}",status="200"}}')

    return count


@pytest.fixture(params=["sync", "async"])
def batch(request, model):
    """`batch`, or `abatch` from outside of any event loop."""
    if request.param == "sync":
        return model.batch
    return lambda *args, **kwargs: asyncio.run(model.abatch(*args, **kwargs))


def test_a_batch_is_one_call_with_the_answers_of_single_ones(batch, model, num_calls):
    alone = [model.invoke(question).content for question in QUESTIONS]
    before = num_calls("/v1/chat/completions"), num_calls("/v1/chat/completions/batch")
    assert [answer.content for answer in batch(QUESTIONS)] == alone
    after = num_calls("/v1/chat/completions"), num_calls("/v1/chat/completions/batch")
    assert after == (before[0], before[1] + 1)


def test_an_error_is_its_inputs_own(batch):
    answers = batch(["Hello!", TOO_LONG, "Hello!"], return_exceptions=True)
    assert isinstance(answers[1], ContextLengthError)
    assert answers[0].content == answers[2].content != ""
    with pytest.raises(ContextLengthError, match="9009 tokens"):
        batch(["Hello!", TOO_LONG])


def test_each_input_has_its_callbacks(batch):
    recorder = Recorder()
    batch(["Hello!", TOO_LONG, "Hi!"], {"callbacks": [recorder]}, return_exceptions=True)
    assert len(set(recorder.started)) == 3
    assert len(recorder.ended) == 2
    assert len(recorder.failed) == 1
    assert {*recorder.ended, *recorder.failed} == set(recorder.started)


def test_what_is_in_the_cache_is_not_asked_for_and_keeps_nobody_waiting(model, num_calls):
    model.cache = InMemoryCache()
    first = model.batch(["Hello!", "Good morning!"])
    before = num_calls("/v1/chat/completions/batch")
    again = model.batch(["Hello!", "Good morning!", "What is 12 plus 5?", "What is 13 plus 5?"])
    assert [answer.content for answer in again[:2]] == [answer.content for answer in first]
    assert num_calls("/v1/chat/completions/batch") == before + 1
    model.batch(["Hello!", "Good morning!"])
    assert num_calls("/v1/chat/completions/batch") == before + 1


def test_a_callers_own_limit_is_kept_to(model, num_calls, watch):
    before = num_calls("/v1/chat/completions/batch")
    seen = []
    done = threading.Event()

    def look():
        while not done.is_set():
            seen.append(watch.num_running)

    looking = threading.Thread(target=look)
    looking.start()
    model.batch(["Hello!"] * 4, {"max_concurrency": 2}, max_tokens=200, ignore_eos=True)
    done.set()
    looking.join()
    assert 1 <= max(seen) <= 2
    assert num_calls("/v1/chat/completions/batch") == before


def test_more_inputs_than_the_server_computes_at_once_all_begin(model, watch):
    recorder = Recorder()
    fields = {**ENDLESS, "return_exceptions": True, "request_id": "job-12"}
    batching = threading.Thread(
        target=lambda: model.batch(["Hello!"] * 12, {"callbacks": [recorder]}, **fields)
    )
    batching.start()
    watch.until_running(8)  # max_num_seqs of the server
    assert len(recorder.started) == 12
    model.cancel("job-12")
    batching.join(30)
    assert len(recorder.failed) == 12


def test_a_streaming_callback_and_a_rate_limiter_do_not_hold_up_a_batch(server):
    limiter = InMemoryRateLimiter(requests_per_second=50)
    for fields in ({"streaming": True}, {"rate_limiter": limiter}):
        answers = ChatKamado(temperature=0, **fields).batch(["Hello!"] * 3)
        assert len({answer.content for answer in answers}) == 1


def test_answers_come_as_they_are_complete(model):
    """Greeted, pocket greets back: that answer stops at its first word, the other rambles on."""
    fields = {"max_tokens": 200, "ignore_eos": True, "stop": ["Hello"]}
    answers = list(model.batch_as_completed(["Who are you?", "Hello!"], **fields))
    assert [index for index, _ in answers] == [1, 0]


def test_leaving_a_batch_early_cancels_the_rest_on_the_server(model, watch):
    bound = model.bind(**ENDLESS)
    answers = bound.batch_as_completed(["Hello!", TOO_LONG, "Hi!", "Hey!"], return_exceptions=True)
    assert next(answers)[0] == 1
    watch.until_running(3)
    answers.close()
    watch.until_running(0)


async def test_leaving_an_asynchronous_batch_early_cancels_the_rest(model, watch):
    bound = model.bind(**ENDLESS)
    answers = bound.abatch_as_completed(["Hello!", TOO_LONG, "Hi!"], return_exceptions=True)
    assert (await anext(answers))[0] == 1
    await watch.auntil_running(2)
    await answers.aclose()
    await watch.auntil_running(0)


async def test_cancelling_a_batch_cancels_it_on_the_server(model, watch):
    task = asyncio.create_task(model.abatch(["Hello!"] * 4, **ENDLESS))
    await watch.auntil_running(4)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await watch.auntil_running(0)


def test_a_batch_is_cancelled_by_the_id_that_it_was_given(model, watch):
    answers = []

    def ask():
        fields = {**ENDLESS, "request_id": "job-2"}
        answers.extend(model.batch(["Hello!"] * 3, return_exceptions=True, **fields))

    asking = threading.Thread(target=ask)
    asking.start()
    watch.until_running(3)
    assert model.cancel("job-2")
    asking.join(30)
    assert [type(answer) for answer in answers] == [RequestCancelledError] * 3
    watch.until_running(0)


def test_a_chain_of_it_is_batched_too(model, num_calls):
    before = num_calls("/v1/chat/completions/batch")
    chain = RunnableLambda(lambda number: f"What is {number} plus 5?") | model.bind(max_tokens=20)
    answers = chain.batch([12, 13, 14])
    assert len(answers) == 3
    assert num_calls("/v1/chat/completions/batch") == before + 1


def test_what_is_wrong_with_every_input_is_told_of_every_input(batch):
    answers = batch(["Hello!"] * 2, return_exceptions=True, top_k=-7)
    assert all(isinstance(answer, BadRequestError) for answer in answers)
    assert {answer.param for answer in answers} == {"top_k"}
