"""One engine on one thread, bridged to asyncio.

The event loop puts commands into the thread's inbox and reads outputs from a stream per request;
the engine's thread empties the inbox between steps and posts each step's outputs to the loop in one
call. Nothing else crosses, so the engine needs no locks and the loop never waits for a step.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto
from queue import SimpleQueue
from typing import TYPE_CHECKING

from runners.engine.errors import EngineClosedError, QueueFullError, RequestError
from runners.engine.limits import EngineLimits
from runners.engine.request import FinishReason, GenerationRequest, SequenceOutput
from runners.engine.scoring_task import ScoringTask
from runners.engine.stats import EngineStats, StepStats
from runners.output_stream import OutputStream
from runners.single_forwards import Command, in_groups

if TYPE_CHECKING:  # it imports torch, which takes seconds; whoever builds the engine has done so
    from runners.engine.engine import Engine

logger = logging.getLogger(__name__)


class RunnerState(Enum):
    LOADING = auto()
    READY = auto()
    FAILED = auto()
    CLOSED = auto()


class Runner:
    """`build_engine` is called on the runner's own thread, so that loading a model blocks
    nobody."""

    def __init__(
        self,
        build_engine: "Callable[[], Engine]",
        *,
        max_waiting: int = 256,
        on_step: Callable[[StepStats], None] | None = None,
    ) -> None:
        self._build_engine = build_engine
        self._max_waiting = max_waiting
        self._on_step = on_step
        self._engine: Engine | None = None
        self._failure: BaseException | None = None
        self._inbox: SimpleQueue[Command] = SimpleQueue()
        self._streams: dict[str, OutputStream] = {}
        self._durations_s: deque[float] = deque(maxlen=64)
        self._is_refusing = False
        self._must_stop = False
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def state(self) -> RunnerState:
        if self._failure is not None:
            return RunnerState.FAILED
        if self._is_refusing:
            return RunnerState.CLOSED
        return RunnerState.LOADING if self._engine is None else RunnerState.READY

    @property
    def failure(self) -> BaseException | None:
        """Why the state is FAILED."""
        return self._failure

    @property
    def limits(self) -> EngineLimits:
        """Raises EngineClosedError until the engine is built."""
        return self._loaded_engine().limits

    def stats(self) -> EngineStats:
        """A snapshot from any thread; its figures may be one step apart from each other. Raises
        EngineClosedError until the engine is built."""
        return self._loaded_engine().stats()

    def generate(self, request: GenerationRequest) -> OutputStream:
        """Queue a request; call it on the event loop that will read the stream.

        Raises RequestError, QueueFullError or EngineClosedError at once, with nothing queued.
        """
        engine = self._ready_engine()
        engine.limits.check(request)
        if request.request_id in self._streams:
            raise RequestError("request_id", f"request {request.request_id!r} is already running.")
        self._check_queue(request)
        stream = OutputStream(request, abort=self.abort, loop=asyncio.get_running_loop())
        self._streams[request.request_id] = stream
        self._inbox.put(lambda engine: self._add(engine, request))
        return stream

    def abort(self, request_id: str, index: int | None = None) -> None:
        """End one choice, or all of a request, before the next step."""
        self._inbox.put(lambda engine: engine.abort(request_id, index))

    async def embed(self, prompts: Sequence[Sequence[int]]) -> list[list[float]]:
        """The mean of each prompt's last hidden states, of length 1, in the order given.

        Raises RequestError for a prompt out of the model's limits.
        """
        limits = self._ready_engine().limits
        for prompt in prompts:
            limits.check(GenerationRequest("embedding", tuple(prompt)))
        return await in_groups(
            self._inbox.put, lambda engine, group: engine.embed(group).tolist(), prompts, len
        )

    async def score(self, tasks: Sequence[ScoringTask]) -> list[list[float]]:
        """Per task, the log-probability of each of its answers, end included.

        Raises RequestError for a prompt or an answer out of the model's limits.
        """
        limits = self._ready_engine().limits
        for task in tasks:
            for answer in task.answers:
                ids = (*task.prompt_ids, *answer)
                limits.check(GenerationRequest("score", ids))
        return await in_groups(
            self._inbox.put,
            lambda engine, group: engine.score(group),
            tasks,
            lambda task: task.num_tokens,
        )

    async def drain(self, deadline_s: float) -> None:
        """Take no more requests; let those that run finish within `deadline_s`, then abort the
        rest."""
        self._is_refusing = True
        end = time.monotonic() + deadline_s
        while self._streams and time.monotonic() < end:
            await asyncio.sleep(0.02)
        for request_id in tuple(self._streams):
            self.abort(request_id)
        while self._streams and self._thread.is_alive():
            await asyncio.sleep(0.01)

    def close(self) -> None:
        """Abort what still runs and end the thread."""
        self._is_refusing = True
        self._inbox.put(self._stop)
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def fail(self, error: BaseException) -> None:
        """From any thread: end as FAILED, because something that the engine needs is gone."""

        def command(engine: "Engine") -> Iterable[SequenceOutput]:
            raise error

        self._inbox.put(command)

    def _ready_engine(self) -> "Engine":
        """Raises EngineClosedError unless the state is READY."""
        if self._failure is not None:
            raise EngineClosedError(f"the engine has failed: {self._failure}") from self._failure
        if self._is_refusing:
            raise EngineClosedError("the service is shutting down and takes no more requests.")
        return self._loaded_engine()

    def _loaded_engine(self) -> "Engine":
        if self._engine is None:
            raise EngineClosedError("the model is still loading.")
        return self._engine

    def _check_queue(self, request: GenerationRequest) -> None:
        """Raises QueueFullError when the choices under way leave no room for so many more, and
        RequestError when there never is. The background takes nobody else's room."""
        num_choices = request.params.n
        open_choices = sum(
            stream.num_open
            for stream in self._streams.values()
            if request.is_background or not stream.request.is_background
        )
        limit = self.limits.max_num_seqs + self._max_waiting
        if num_choices > limit:
            raise RequestError(
                "n",
                f"n is {num_choices}; this service runs and queues at most {limit} sequences.",
            )
        if open_choices + num_choices > limit:
            raise QueueFullError(
                f"{open_choices} sequences are running or waiting, and {num_choices} more would "
                f"pass the limit of {limit}. Try again later.",
                retry_after_s=self._expected_wait_s(open_choices),
            )

    def _expected_wait_s(self, open_choices: int) -> float:
        """Until a place in the queue is free: the mean duration of a request, over how many finish
        in that time."""
        if not self._durations_s:
            return 1.0
        mean_s = sum(self._durations_s) / len(self._durations_s)
        return mean_s / max(1, min(open_choices, self.limits.max_num_seqs))

    # The engine's thread -------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._engine = self._build_engine()
            self._loop_forever(self._engine)
        except BaseException as error:
            logger.exception("the engine has stopped")
            self._failure = error
            self._post(
                SequenceOutput(
                    request_id, index, finish_reason=FinishReason.ERROR, error=str(error)
                )
                for request_id, stream in tuple(self._streams.items())
                for index in stream.open_choices
            )

    def _loop_forever(self, engine: "Engine") -> None:
        while not self._must_stop:
            outputs: list[SequenceOutput] = []
            # all that is there, so that a hundred who leave cost one step; an idle engine waits for
            # more, but must not sit on outputs
            while not self._inbox.empty() or not (engine.has_work or outputs):
                outputs += self._inbox.get()(engine)
                if self._must_stop:
                    break
            if engine.has_work and not self._must_stop:
                outputs += self._step(engine)
            self._post(outputs)

    def _step(self, engine: "Engine") -> list[SequenceOutput]:
        outputs = engine.step()
        if self._on_step is not None:
            self._on_step(engine.last_step)
        return outputs

    def _add(self, engine: "Engine", request: GenerationRequest) -> Iterable[SequenceOutput]:
        try:
            engine.add_request(request)
        except (
            Exception
        ) as error:  # checked before it was queued: this is our fault, not the caller's
            logger.exception("a checked request was refused")
            return [
                SequenceOutput(
                    request.request_id, i, finish_reason=FinishReason.ERROR, error=str(error)
                )
                for i in range(request.params.n)
            ]
        return ()

    def _stop(self, engine: "Engine") -> Iterable[SequenceOutput]:
        self._must_stop = True
        return [
            output for request_id in tuple(self._streams) for output in engine.abort(request_id)
        ]

    def _post(self, outputs: Iterable[SequenceOutput]) -> None:
        """Hand a step's outputs to their loop: one wake-up, however many sequences."""
        by_loop: dict[asyncio.AbstractEventLoop, list[SequenceOutput]] = {}
        for output in outputs:
            stream = self._streams.get(output.request_id)
            if stream is not None:
                by_loop.setdefault(stream.loop, []).append(output)
        for loop, batch in by_loop.items():
            try:
                loop.call_soon_threadsafe(self._deliver, batch)
            except RuntimeError:  # the loop has closed: nobody is left to read
                for output in batch:
                    self._streams.pop(output.request_id, None)

    # The event loop again ------------------------------------------------------------------------

    def _deliver(self, outputs: list[SequenceOutput]) -> None:
        for output in outputs:
            stream = self._streams.get(output.request_id)
            if stream is None:
                continue
            stream.feed(output)
            if not stream.num_open:
                del self._streams[output.request_id]
                if not stream.request.is_background:
                    self._durations_s.append(time.monotonic() - stream.started_s)
