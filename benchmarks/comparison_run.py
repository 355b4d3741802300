"""Measures every server of a comparison, turn by turn, and lets no failure of one end it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from rich.console import Console
from rich.markup import escape

from benchmarks.load_result import LoadResult
from benchmarks.load_run import LoadRun
from benchmarks.peers.peer import Peer, PeerUnavailable
from benchmarks.prompts import PromptSource
from benchmarks.run_log import RunLog
from benchmarks.schedule import Schedule, Turn
from benchmarks.server_pool import ServerPool
from benchmarks.server_process import ServerError, ServerProcess

WARM_UP_TOKENS = 8

console = Console(stderr=True, highlight=False, soft_wrap=True)


@dataclass(slots=True)
class ComparisonRun:
    schedule: Schedule
    peers: Mapping[str, Peer]
    prompts: PromptSource
    log: RunLog
    server_logs: Path
    unavailable: dict[str, str] = field(default_factory=dict)
    """Which peers cannot be measured here, and why."""

    async def measure(self) -> None:
        """Fills `log`; what it has already is not measured again."""
        self.unavailable |= prepare_peers(self.peers, self.schedule.model)
        available = [name for name in self.peers if name not in self.unavailable]
        pool = ServerPool(
            self.schedule.model, self.server_logs, self.schedule.num_threads, self._on_start
        )
        async with pool:
            for turn in self.schedule.turns(available):
                if turn in self.log.results or turn.server in self.unavailable:
                    continue
                try:
                    kept, discarded = await self._take(turn, pool)
                except (ServerError, httpx.HTTPError) as error:
                    self.unavailable[turn.server] = str(error) or type(error).__name__
                    _say_unavailable(turn.server, self.unavailable[turn.server])
                    continue
                self.log.add(turn, kept, discarded)

    async def _on_start(self, server: ServerProcess) -> None:
        name = server.peer.name
        console.print(f"{name} was ready after {server.ready_s:.1f} s")
        warmed = await self._send(server, self.schedule.warm_up(self.prompts), WARM_UP_TOKENS)
        if warmed.errors:
            raise ServerError(f"{name} failed its warm-up: {warmed.errors[0]}")
        self.log.add_start(name, server.ready_s)

    async def _take(self, turn: Turn, pool: ServerPool) -> tuple[LoadResult, list[LoadResult]]:
        """The attempt that counts, and the others."""
        attempts: list[LoadResult] = []
        async with pool.turn(turn.server, self.peers[turn.server]) as server:
            for attempt in range(1 + self.schedule.retries):
                run = self.schedule.run(turn, attempt, self.prompts)
                result = await self._send(server, run, self.schedule.max_tokens)
                console.print(_line(result), markup=False)
                attempts.append(result)
                if not result.machine.is_contaminated:
                    break
        return least_disturbed(attempts)

    async def _send(self, server: ServerProcess, run: LoadRun, num_tokens: int) -> LoadResult:
        # a connection each: some servers close theirs just when the next request is on its way
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=server.base_url, limits=limits) as http:
            client = server.peer.client(http, self.schedule.model, num_tokens)
            return await run.against(client, server=server.peer.name, server_pid=server.pid)


def prepare_peers(peers: Mapping[str, Peer], model: Path) -> dict[str, str]:
    """Installing and converting takes minutes the first time. Returns who is unavailable, and
    why."""
    unavailable = {}
    for name, peer in peers.items():
        try:
            peer.prepare(model)
        except PeerUnavailable as error:
            unavailable[name] = str(error)
            _say_unavailable(name, str(error))
    return unavailable


def least_disturbed(attempts: list[LoadResult]) -> tuple[LoadResult, list[LoadResult]]:
    """The attempt that counts, and the rest in their order."""
    kept = min(attempts, key=lambda result: result.machine.others_cores or 0.0)
    return kept, [result for result in attempts if result is not kept]


def _say_unavailable(name: str, reason: str) -> None:
    console.print(f"[yellow]{name} is not available[/yellow]: {escape(reason)}")


def _line(result: LoadResult) -> str:
    failed = f", {len(result.errors)} failed" if result.errors else ""
    rate = f"{result.output_tokens_per_s:8.1f} tokens/s"
    return f"{result.load:>11}  {result.server:30} {rate}{failed}{_disturbance(result)}"


def _disturbance(result: LoadResult) -> str:
    if not result.machine.is_contaminated:
        return ""
    names = ", ".join(f"{name} {cores:.2f}" for name, cores in result.machine.strangers)
    return f" * others took {result.machine.others_cores:.2f} cores ({names or 'unknown'})"
