"""Kamado beside other servers: the same model folder, the same prompts, the same machine, in one
run.

    python -m benchmarks.compare --name pocket

All servers are started first. Round by round and load by load they then take turns, the order of
turns reversed every other round, and while one is measured the others are stopped (SIGSTOP): a
drift of the machine meets all of them, and none takes a core from another.
"""

import asyncio
import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from benchmarks.arrivals import ClosedLoop
from benchmarks.comparison import Comparison
from benchmarks.completion_client import CompletionClient
from benchmarks.host import describe_host
from benchmarks.load_result import LoadResult
from benchmarks.load_run import LoadRun
from benchmarks.peers.kamado import Kamado
from benchmarks.peers.peer import Peer
from benchmarks.peers.transformers_serve import TransformersServe
from benchmarks.prompts import TextPrompts
from benchmarks.server_process import ServerProcess

ROOT = Path(__file__).parent.parent
PEERS: dict[str, Peer] = {
    "kamado": Kamado(),
    "kamado-int8": Kamado(quantization="int8"),
    "transformers": TransformersServe(),
    # with a bounded cache, so that they fit in memory beside the first
    "transformers-1-thread": TransformersServe(num_threads=1, num_blocks=64),
    "transformers-float32": TransformersServe(dtype="float32", num_blocks=64),
    "transformers-one-by-one": TransformersServe(continuous_batching=False),
}

console = Console(stderr=True, highlight=False)


@dataclass(frozen=True, slots=True)
class Schedule:
    """What every server is asked."""

    model: Path
    clients: tuple[int, ...]
    rounds: int
    requests_per_client: int
    prompt_tokens: tuple[int, int]
    max_tokens: int
    num_threads: int
    seed: int

    @property
    def sentences(self) -> list[str]:
        shortest, longest = self.prompt_tokens
        return [
            f"{self.rounds} rounds; in each, every load on every server in turn, the order of "
            "servers reversed every other round, the servers not measured stopped by SIGSTOP.",
            "A load is a closed loop: so many clients, each sending its next request when its last "
            f"is answered, {self.requests_per_client} requests per client and at least 4 in all.",
            f"Each prompt is {shortest} to {longest} tokens of random words, never seen before by "
            "the server (a prefix cache finds nothing), and the same for all servers.",
            f"Every answer is {self.max_tokens} greedy tokens, whatever the model would rather do; "
            "tokens are those of the servers' own usage, and requests stream.",
            "Latency between tokens is the gap between events that carry text; per token is first "
            "to last event over the tokens between them.",
            f"Each server has up to {self.num_threads} threads, unless its name says otherwise; "
            "the client shares the machine with it.",
            "Foreign cores: CPU time per second of neither the server nor the client, stolen time "
            "included; a star marks more than 0.1.",
        ]


def main(
    name: Annotated[str, typer.Option(help="Of the files in benchmarks/results.")] = "pocket",
    model: Annotated[Path, typer.Option(help="Folder.")] = ROOT / "models/pocket/weights",
    peers: Annotated[
        str, typer.Option(help=f"Of {', '.join(PEERS)}.")
    ] = "kamado,kamado-int8,transformers",
    clients: Annotated[str, typer.Option()] = "1,4,8,16",
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    requests_per_client: Annotated[int, typer.Option(min=1)] = 4,
    prompt_tokens: Annotated[str, typer.Option(help="from:to.")] = "64:256",
    max_tokens: Annotated[int, typer.Option(min=2)] = 64,
    threads: Annotated[int, typer.Option(min=1, help="Per server.")] = os.cpu_count() or 1,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Write benchmarks/results/NAME.md and NAME.json."""
    chosen = [_peer(peer) for peer in peers.split(",")]
    shortest, _, longest = prompt_tokens.partition(":")
    schedule = Schedule(
        model=model.resolve(),
        clients=tuple(int(count) for count in clients.split(",")),
        rounds=rounds,
        requests_per_client=requests_per_client,
        prompt_tokens=(int(shortest), int(longest or shortest)),
        max_tokens=max_tokens,
        num_threads=threads,
        seed=seed,
    )
    comparison = Comparison(
        title=f"{name}: {', '.join(peer.name for peer in chosen)}",
        host=describe_host(),
        method=schedule.sentences,
        num_tokens=max_tokens,
        servers=tuple(peer.name for peer in chosen),
        results=asyncio.run(_measure(schedule, chosen)),
    )
    folder = ROOT / "benchmarks/results"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.md").write_text(comparison.as_markdown())
    (folder / f"{name}.json").write_text(json.dumps(comparison.as_json(), indent=1) + "\n")
    print(comparison.as_markdown())


def _peer(name: str) -> Peer:
    if name not in PEERS:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(PEERS)}")
    return PEERS[name]


async def _measure(schedule: Schedule, peers: Sequence[Peer]) -> list[LoadResult]:
    prompts = TextPrompts.for_model(schedule.model, schedule.seed, *schedule.prompt_tokens)
    logs = Path(tempfile.mkdtemp(prefix="benchmark-"))  # kept when something fails
    async with contextlib.AsyncExitStack() as stack:
        servers = []
        for peer in peers:
            console.print(f"starting {peer.name} ...")
            log = logs / f"{peer.name.replace(' ', '-')}.log"
            starting = ServerProcess.started(
                peer, schedule.model, log, num_threads=schedule.num_threads
            )
            server = await stack.enter_async_context(starting)
            await _turn(server, schedule, _warm_up(schedule, prompts))
            servers.append(server)
        results = []
        for number, run in enumerate(_runs(schedule, prompts)):
            is_odd_round = number // len(schedule.clients) % 2 == 1
            for server in reversed(servers) if is_odd_round else servers:
                result = await _turn(server, schedule, run)
                results.append(result)
                console.print(_line(result))
    shutil.rmtree(logs)
    return results


async def _turn(server: ServerProcess, schedule: Schedule, run: LoadRun) -> LoadResult:
    """The server is stopped before and after."""
    server.resume()
    try:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=server.base_url, limits=limits) as http:
            fields = server.peer.exactly(schedule.max_tokens)
            client = CompletionClient(http, server.model_name, fields=fields)
            return await run.against(client, server=server.peer.name, server_pid=server.pid)
    finally:
        server.pause()


def _warm_up(schedule: Schedule, prompts: TextPrompts) -> LoadRun:
    """What a server does on its first requests, and on its first wide batch, is done here."""
    widest = max(schedule.clients)
    return LoadRun(ClosedLoop(widest), prompts, num_requests=widest, num_warmup=1)


def _runs(schedule: Schedule, prompts: TextPrompts) -> list[LoadRun]:
    """Every load of every round, each with prompts of its own."""
    runs = []
    first_prompt = max(schedule.clients) + 1  # those before were the warm-up's
    for _ in range(schedule.rounds):
        for clients in schedule.clients:
            run = LoadRun(
                ClosedLoop(clients),
                prompts,
                num_requests=max(4, clients * schedule.requests_per_client),
                first_prompt=first_prompt,
            )
            runs.append(run)
            first_prompt += run.num_warmup + run.num_requests
    return runs


def _line(result: LoadResult) -> str:
    star = " *" if result.machine.is_contaminated else ""
    failed = f", {len(result.errors)} failed" if result.errors else ""
    rate = f"{result.output_tokens_per_s:8.1f} tokens/s"
    return f"{result.load:>11}  {result.server:30} {rate}{failed}{star}"


if __name__ == "__main__":
    typer.run(main)
