"""What one call of the batch route asks for, and who waits for which of its lines."""

import asyncio
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Generic, TypeVar

from langchain_kamado.connection import Call
from langchain_kamado.decoders import Json
from langchain_kamado.errors import (
    BadRequestError,
    InterruptedAnswerError,
    KamadoError,
    ModelNameError,
    error_from,
)

CHAT_BATCH = "/v1/chat/completions/batch"

AnyFuture = TypeVar("AnyFuture", Future[Json | None], asyncio.Future[Json | None])

_ASK_ALONE = (BadRequestError, ModelNameError, InterruptedAnswerError)
"""The server has no such route, or not for so much at once, or it fell silent half-way: then each
call goes alone, and gets its own error if it is at fault."""


class BatchOrder(Generic[AnyFuture]):
    """A future's result is the answer, or None where its caller is to ask alone."""

    def __init__(self) -> None:
        self._asked: list[tuple[Call, AnyFuture]] = []
        self._call: Call | None = None

    def add(self, call: Call, future: AnyFuture) -> None:
        self._asked.append((call, future))

    @property
    def call(self) -> Call:
        """Once all are added, without those that were given up before. If they were given one id,
        that is this call's too."""
        if self._call is None:
            self._asked = [(call, future) for call, future in self._asked if not future.done()]
            body = {"requests": [call.body for call, _ in self._asked]}
            ids = {call.request_id for call, _ in self._asked}
            self._call = (
                Call(CHAT_BATCH, body, ids.pop()) if len(ids) == 1 else Call(CHAT_BATCH, body)
            )
        return self._call

    @property
    def is_over(self) -> bool:
        """Nobody waits (any more)."""
        return all(future.done() for _, future in self._asked)

    def serve(self, line: Json) -> None:
        """A failure that another attempt may mend is left to the caller's own attempts."""
        call, future = self._asked[line["index"]]
        if line["status"] == 200:
            _settle(future, line["body"])
            return
        error = error_from(line["body"], status=line["status"], request_id=call.request_id)
        _settle(future, None if error.is_retryable else error)

    def end(self, error: KamadoError | None) -> None:
        """For those that had no line."""
        is_theirs = error is not None and not isinstance(error, _ASK_ALONE)
        for _, future in self._asked:
            _settle(future, error if is_theirs else None)

    def give_up(self) -> None:
        for _, future in self._asked:
            future.cancel()


def _settle(future: AnyFuture, outcome: Json | KamadoError | None) -> None:
    with suppress(InvalidStateError):  # given up by another thread
        if future.done():
            return
        if isinstance(outcome, KamadoError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
