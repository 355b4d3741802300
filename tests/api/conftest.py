"""The HTTP application over a runner that speaks from a script, one token at a time."""

import asyncio

import httpx
import pytest

from api.app import HttpLimits, create_app
from api.metrics import Metrics
from api.served_model import ServedModel
from runners.engine.errors import EngineClosedError, QueueFullError
from runners.engine.limits import EngineLimits
from runners.engine.request import FinishReason, SequenceOutput, TokenLogprob
from runners.engine.stats import EngineStats
from runners.grammars.source import GrammarSource
from runners.model_text import ModelText
from runners.output_stream import OutputStream
from runners.runner import RunnerState
from runners.tokenizer import Tokenizer


class ScriptedRunner:
    """Every choice says `script(request, index)`, then the end-of-sequence token.

    `gate` closed: nothing is said. `error_after`: the sequence fails after so many tokens.
    """

    def __init__(self, script, eos_id):
        self.limits = EngineLimits(430, 128, max_num_seqs=8, num_blocks=64, block_size=16)
        self.state = RunnerState.READY
        self.failure = None
        self.script = script
        self.eos_id = eos_id
        self.gate = asyncio.Event()
        self.gate.set()
        self.error_after = None
        self.is_full = False
        self.requests = []
        self.aborted = []
        self.streams = {}
        self.tasks = set()

    def generate(self, request):
        if self.state is not RunnerState.READY:
            raise EngineClosedError("the service is shutting down and takes no more requests.")
        self.limits.check(request)
        if self.is_full:
            raise QueueFullError("the queue is full. Try again later.", retry_after_s=2.3)
        self.requests.append(request)
        loop = asyncio.get_running_loop()
        stream = OutputStream(request, abort=self.abort, loop=loop)
        self.streams[request.request_id] = stream
        for index in range(request.params.n):
            task = loop.create_task(self._speak(stream, request, index))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        return stream

    def abort(self, request_id, index=None):
        stream = self.streams[request_id]
        indexes = set(stream.open_choices) if index is None else {index}
        for open_index in sorted(indexes & stream.open_choices):
            self.aborted.append((request_id, open_index))
            stream.feed(SequenceOutput(request_id, open_index, finish_reason=FinishReason.ABORT))

    def stats(self):
        num_open = sum(stream.num_open for stream in self.streams.values())
        return EngineStats(num_open, 0, 64, num_open, 0, 10, 4, 20, 0, 7)

    async def _speak(self, stream, request, index):
        script = list(self.script(request, index))
        ids = script if request.params.ignore_eos else [*script, self.eos_id]
        limit = request.params.max_tokens or len(ids)
        for place, token_id in enumerate(ids[:limit]):
            await self.gate.wait()
            await asyncio.sleep(0)
            if index not in stream.open_choices:
                return
            if place == self.error_after:
                stream.feed(self._output(request, index, None, FinishReason.ERROR))
                return
            reason = None
            if token_id == self.eos_id or token_id in request.params.stop_token_ids:
                reason = FinishReason.STOP
            elif place == limit - 1:
                reason = FinishReason.LENGTH
            stream.feed(self._output(request, index, token_id, reason))
            if reason is not None:
                return

    def _output(self, request, index, token_id, reason):
        ids = () if token_id is None else (token_id,)
        count = request.params.logprobs
        logprobs = ()
        if count is not None:
            top = tuple((5 + place, -1.0 - place) for place in range(count))
            logprobs = tuple(TokenLogprob(token, -0.5, top) for token in ids)
        return SequenceOutput(request.request_id, index, ids, logprobs, reason, 4)


@pytest.fixture(scope="session")
def tokenizer(byte_level_tokenizer):
    return Tokenizer(byte_level_tokenizer)


@pytest.fixture(scope="session")
def text(tokenizer):
    text = warmed(ModelText.of(tokenizer, 430))
    yield text
    text.close()


def warmed(text):
    """Once it can compile grammars: that takes seconds on a busy machine, and no request waits as
    long."""
    assert text.grammars._trials.refusal(GrammarSource('start: "a"')) == ""
    return text


@pytest.fixture
async def runner(tokenizer):
    """Says "Hello! How are you? I am fine." whatever it is asked."""
    ids = tokenizer.encode("Hello! How are you? I am fine.")
    return ScriptedRunner(lambda request, index: ids, eos_id=2)


@pytest.fixture
def served(runner, text):
    served = ServedModel("pocket", runner)
    served.text = text
    return served


@pytest.fixture
def metrics(served):
    return Metrics(served.engine_stats)


@pytest.fixture
def limits():
    return HttpLimits(max_body_bytes=2_000_000)


@pytest.fixture
def app(served, metrics, limits):
    return create_app(served, metrics, limits)


@pytest.fixture
async def client(app):
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://kamado") as client:
        yield client


@pytest.fixture
def chat(client):
    """Ask for a chat completion; keyword arguments are fields of the request."""

    async def ask(content="hi", **fields):
        messages = [{"role": "user", "content": content}]
        body = {"model": "pocket", "messages": messages} | fields
        return await client.post("/v1/chat/completions", json=body)

    return ask


@pytest.fixture
def complete(client):
    async def ask(prompt="hi", **fields):
        body = {"model": "pocket", "prompt": prompt} | fields
        return await client.post("/v1/completions", json=body)

    return ask
