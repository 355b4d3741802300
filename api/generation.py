"""One call's prompts in the engine, seen as text: submit all or none, decode, cut, count, abort."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from api.caller import caller
from api.choice_text import ChoiceText, Delta
from api.errors import (
    RETRY_UNAVAILABLE_S,
    ApiError,
    InvalidRequestError,
    RequestCancelledError,
    UnavailableError,
)
from api.metrics import Metrics
from api.running_requests import on_cancel
from runners.engine.errors import EngineError
from runners.engine.request import FinishReason, GenerationRequest, SequenceOutput
from runners.output_stream import OutputStream
from runners.runner import Runner


@dataclass(slots=True)
class Usage:
    """Tokens of a whole call, over all prompts and choices."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0


class Generation:
    """Choices are numbered across prompts: of prompts with n choices each, prompt i has the choices
    i * n to i * n + n - 1.
    """

    def __init__(
        self,
        runner: Runner,
        requests: Sequence[GenerationRequest],
        choices: Sequence[ChoiceText],
        metrics: Metrics,
    ) -> None:
        """Queues the requests. Raises EngineError for the first that is refused; none runs then."""
        self.usage = Usage(prompt_tokens=sum(len(request.prompt_ids) for request in requests))
        self._runner = runner
        self._choices = choices
        self._num_choices_each = requests[0].params.n
        self._cached = [0] * len(requests)
        self._metrics = metrics
        self._caller = caller.get()
        self._started_s = time.monotonic()
        self._first_token_s: float | None = None
        self._is_cancelled = False
        self._streams: list[OutputStream] = []
        try:
            for request in requests:
                self._streams.append(runner.generate(request))
        except EngineError:
            self.abort()
            raise
        on_cancel(self._cancel)
        metrics.count_tokens(self._caller, prompt=self.usage.prompt_tokens)

    def abort(self) -> None:
        """End what is unfinished, before the engine's next step."""
        for stream in self._streams:
            if stream.num_open:
                self._runner.abort(stream.request.request_id)

    async def deltas(self) -> AsyncGenerator[list[Delta]]:
        """What has arrived since the last time, in order. Raises ApiError, after what came before
        the fault; aborts when left."""
        try:
            async with aclosing(_merged(self._streams)) as arrivals:
                async for prompt_index, outputs in arrivals:
                    deltas, fault = self._deltas(prompt_index, outputs)
                    if deltas:
                        yield _coalesced(deltas)
                    if fault is not None:
                        raise fault
            self._observe_pace()
        finally:
            self.abort()

    async def texts(self) -> list[list[Delta]]:
        """Every choice's deltas, once all are finished. Raises ApiError."""
        gathered: list[list[Delta]] = [[] for _ in self._choices]
        async with aclosing(self.deltas()) as batches:
            async for deltas in batches:
                for delta in deltas:
                    gathered[delta.index].append(delta)
        return gathered

    def _deltas(
        self, prompt_index: int, outputs: Sequence[SequenceOutput]
    ) -> tuple[list[Delta], ApiError | None]:
        """What they say, up to a fault."""
        deltas: list[Delta] = []
        for output in outputs:
            try:
                delta = self._delta(prompt_index, output)
            except ApiError as error:
                return deltas, error
            if delta is not None:
                deltas.append(delta)
        return deltas, None

    def _delta(self, prompt_index: int, output: SequenceOutput) -> Delta | None:
        choice = self._choices[prompt_index * self._num_choices_each + output.index]
        if choice.is_finished:  # by a stop string; the engine had more under way
            return None
        self._raise_failure(output)
        self._count(prompt_index, output)
        delta = choice.add(output)
        if choice.is_finished and output.finish_reason is None:
            self._runner.abort(output.request_id, output.index)
        if delta.text or delta.records or delta.finish_reason:
            return delta
        return None

    def _count(self, prompt_index: int, output: SequenceOutput) -> None:
        if output.token_ids and self._first_token_s is None:
            self._first_token_s = time.monotonic()
            self._metrics.time_to_first_token_s.observe(self._first_token_s - self._started_s)
        self.usage.completion_tokens += len(output.token_ids)
        self._metrics.count_tokens(self._caller, generated=len(output.token_ids))
        self._cached[prompt_index] = max(self._cached[prompt_index], output.num_cached_tokens)
        self.usage.cached_tokens = sum(self._cached)

    def _cancel(self) -> None:
        self._is_cancelled = True
        self.abort()

    def _raise_failure(self, output: SequenceOutput) -> None:
        if output.finish_reason is FinishReason.ERROR:
            raise ApiError("the model failed on this request.")
        if output.finish_reason is FinishReason.GRAMMAR:
            raise InvalidRequestError(str(output.error))
        if output.finish_reason is FinishReason.ABORT:
            if self._is_cancelled:
                raise RequestCancelledError("the request was cancelled by its id.")
            raise UnavailableError(
                "the service is shutting down; the answer is not complete.",
                retry_after_s=RETRY_UNAVAILABLE_S,
            )

    def _observe_pace(self) -> None:
        num_intervals = max(choice.num_tokens for choice in self._choices) - 1
        if self._first_token_s is not None and num_intervals > 0:
            pace_s = (time.monotonic() - self._first_token_s) / num_intervals
            self._metrics.time_per_output_token_s.observe(pace_s)


def _coalesced(deltas: list[Delta]) -> list[Delta]:
    """One delta per choice: a reader who falls behind gets fewer, larger ones."""
    if len(deltas) == 1:
        return deltas
    merged: dict[int, Delta] = {}
    for delta in deltas:
        before = merged.get(delta.index)
        merged[delta.index] = delta if before is None else before.then(delta)
    return list(merged.values())


async def _merged(
    streams: Sequence[OutputStream],
) -> AsyncGenerator[tuple[int, list[SequenceOutput]]]:
    """(which stream, what it has ready), in order of arrival. One stream needs no tasks."""
    if len(streams) == 1:
        async for output in streams[0]:
            yield 0, [output, *streams[0].take_ready()]
        return
    waiting = {asyncio.create_task(_ready(stream)): i for i, stream in enumerate(streams)}
    try:
        while waiting:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                index = waiting.pop(task)
                if outputs := task.result():
                    waiting[asyncio.create_task(_ready(streams[index]))] = index
                    yield index, outputs
    finally:
        for task in waiting:
            task.cancel()


async def _ready(stream: OutputStream) -> list[SequenceOutput]:
    """At least one output; none at the stream's end."""
    async for output in stream:
        return [output, *stream.take_ready()]
    return []
