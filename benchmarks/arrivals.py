"""When requests are sent: as clients become free, or at times that do not care whether they are.

A closed loop can never overload a server, because its clients wait. Poisson arrivals can, and show
what queueing does to latency.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol

Send = Callable[[int], Awaitable[None]]
"""Sends request number i and returns when it has been answered."""


class Arrivals(Protocol):
    """Calls `send` once for each of 0 ... num_requests - 1; returns when all are answered."""

    @property
    def label(self) -> str: ...

    async def drive(self, send: Send, num_requests: int) -> None: ...


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """So many clients, each sending its next request when its last is answered."""

    num_clients: int
    seconds: float | None = None
    """After these nobody sends another; what is under way is waited for, so each client sends at
    least one. None: as many as there are."""

    @property
    def label(self) -> str:
        return f"{self.num_clients} client{'s' if self.num_clients > 1 else ''}"

    async def drive(self, send: Send, num_requests: int) -> None:
        numbers = iter(range(num_requests))
        clock = asyncio.get_running_loop().time
        end_s = math.inf if self.seconds is None else clock() + self.seconds

        async def client() -> None:
            for number in numbers:  # shared: each number goes to one client
                await send(number)
                if clock() >= end_s:
                    return

        await asyncio.gather(*(client() for _ in range(min(self.num_clients, num_requests))))


@dataclass(frozen=True, slots=True)
class Poisson:
    """Independent arrivals at a mean rate; the same seed gives the same times."""

    rate_per_s: float
    seed: int = 0

    @property
    def label(self) -> str:
        return f"{self.rate_per_s:g} req/s"

    def times_s(self, num_requests: int) -> list[float]:
        """Since the start; the gaps are exponential with mean 1 / rate."""
        random = Random(self.seed)
        now_s = 0.0
        times_s = []
        for _ in range(num_requests):
            now_s += random.expovariate(self.rate_per_s)
            times_s.append(now_s)
        return times_s

    async def drive(self, send: Send, num_requests: int) -> None:
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        async with asyncio.TaskGroup() as tasks:
            for number, time_s in enumerate(self.times_s(num_requests)):
                await asyncio.sleep(start_s + time_s - loop.time())
                tasks.create_task(_awaited(send(number)))


async def _awaited(sent: Awaitable[None]) -> None:
    await sent
