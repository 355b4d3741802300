"""Many chat calls that go to the server as one, though each is made as if it were alone.

LangChain's `batch` invokes the model once per input, with the callbacks, the cache and the errors
of each. That stays so. But the calls that those invocations come to wait for each other here, go
to the batch route together, and each gets its answer as soon as that is complete. An invocation
that needs no call, because its answer was in the cache, leaves its seat, and nobody waits for it.
"""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import aclosing, closing, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import replace

from langchain_kamado.batch_order import BatchOrder
from langchain_kamado.connection import Call, Connection
from langchain_kamado.decoders import Json
from langchain_kamado.errors import KamadoError

CANCEL = "/v1/requests/cancel"


class Gathering:
    """For callers in threads."""

    def __init__(self, connection: Connection, num_seats: int) -> None:
        self._connection = connection
        self._num_awaited = num_seats
        self._order: BatchOrder[Future[Json | None]] = BatchOrder()
        self._lock = threading.Lock()

    def ask(self, call: Call) -> Json | None:
        """The answer; None: ask alone. Raises KamadoError."""
        future: Future[Json | None] = Future()
        with self._lock:
            self._order.add(call, future)
        self.leave()
        return future.result()

    def leave(self) -> None:
        with self._lock:
            self._num_awaited -= 1
            is_complete = self._num_awaited == 0 and not self._order.is_over
        if is_complete:  # on a thread of its own: whoever leaves last has nothing to wait for
            threading.Thread(target=self._send, name="kamado-batch", daemon=True).start()

    def close(self) -> None:
        """Nobody wants the answers any more."""
        with self._lock:
            was_sent = self._num_awaited == 0 and not self._order.is_over
        self._order.give_up()
        if was_sent:
            with suppress(KamadoError):  # then the server ends it when it can write no more
                connection = replace(self._connection, timeout_s=5.0, max_retries=0)
                connection.ask(Call(CANCEL, {"request_id": self._order.call.request_id}))

    def _send(self) -> None:
        try:
            with closing(self._connection.lines(self._order.call)) as lines:
                for line in lines:
                    self._order.serve(line)
            self._order.end(None)
        except KamadoError as error:
            self._order.end(error)


class AsyncGathering:
    """For callers on one event loop."""

    def __init__(self, connection: Connection, num_seats: int) -> None:
        self._connection = connection
        self._num_awaited = num_seats
        self._order: BatchOrder[asyncio.Future[Json | None]] = BatchOrder()
        self._sending: asyncio.Task[None] | None = None

    async def ask(self, call: Call) -> Json | None:
        """As Gathering's. Once the last caller is cancelled, so is the call for all."""
        future: asyncio.Future[Json | None] = asyncio.get_running_loop().create_future()
        self._order.add(call, future)
        self.leave()
        try:
            return await future
        finally:
            if self._order.is_over and self._sending is not None:
                self._sending.cancel()

    def leave(self) -> None:
        self._num_awaited -= 1
        if self._num_awaited == 0 and not self._order.is_over:
            self._sending = asyncio.create_task(self._send())

    async def aclose(self) -> None:
        """Nobody wants the answers any more."""
        self._order.give_up()
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait([self._sending])

    async def _send(self) -> None:
        try:
            async with aclosing(self._connection.alines(self._order.call)) as lines:
                async for line in lines:
                    self._order.serve(line)
            self._order.end(None)
        except KamadoError as error:
            self._order.end(error)


class _Seat:
    """One invocation's place. It is left once: by asking, or by not having to."""

    def __init__(self, gathering: Gathering | AsyncGathering) -> None:
        self._gathering: Gathering | AsyncGathering | None = gathering

    def take(self) -> Gathering | AsyncGathering | None:
        gathering, self._gathering = self._gathering, None
        return gathering


_open: ContextVar[Gathering | AsyncGathering | None] = ContextVar("open", default=None)
_seat: ContextVar[_Seat | None] = ContextVar("seat", default=None)


@contextmanager
def opened(gathering: Gathering | AsyncGathering | None) -> Iterator[None]:
    """What is begun within, in tasks and threads that inherit the context, takes part."""
    token = _open.set(gathering)
    try:
        yield
    finally:
        _open.reset(token)


@contextmanager
def seated() -> Iterator[None]:
    """Around one invocation: it takes part if it was begun by a batch."""
    gathering = _open.get()
    if gathering is None:
        yield
        return
    open_token, seat_token = _open.set(None), _seat.set(_Seat(gathering))
    try:
        yield
    finally:
        leave_seat()
        _seat.reset(seat_token)
        _open.reset(open_token)


def take_seat() -> Gathering | AsyncGathering | None:
    """For the one call that goes together with the others'. None: it goes alone."""
    seat = _seat.get()
    return None if seat is None else seat.take()


def leave_seat() -> None:
    """The others need not wait for this invocation."""
    if gathering := take_seat():
        gathering.leave()
