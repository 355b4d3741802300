"""Drive one load against one server: warm up, send, watch the machine, sum up."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.arrivals import Arrivals, ClosedLoop
from benchmarks.load_result import LoadResult
from benchmarks.machine import MachineWatch
from benchmarks.peers.peer import Client
from benchmarks.prompts import PromptSource
from benchmarks.request_record import RequestRecord


@dataclass(frozen=True, slots=True)
class LoadRun:
    """What is asked, by how many, and how often. Nothing here names a server."""

    arrivals: Arrivals
    prompts: PromptSource
    num_requests: int
    num_warmup: int = 2
    """Sent first, all at once, and not counted."""
    first_prompt: int = 0
    """Runs that must not share prompts start at different ones; each uses num_warmup +
    num_requests."""

    async def against(
        self,
        client: Client,
        *,
        server: str,
        server_pid: int | None = None,
        on_answer: Callable[[], None] = lambda: None,
    ) -> LoadResult:
        records: list[RequestRecord] = []

        async def warm_up(number: int) -> None:
            await client.send(self.prompts.prompt(self.first_prompt + number))

        async def send(number: int) -> None:
            index = self.first_prompt + self.num_warmup + number
            records.append(await client.send(self.prompts.prompt(index)))
            on_answer()

        if self.num_warmup:
            await ClosedLoop(self.num_warmup).drive(warm_up, self.num_warmup)
        async with MachineWatch.over(server_pid) as watch:
            await self.arrivals.drive(send, self.num_requests)
        assert watch.use is not None
        return LoadResult(
            server=server, load=self.arrivals.label, records=tuple(records), machine=watch.use
        )
