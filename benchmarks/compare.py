r"""Kamado beside other servers: the same model, the same prompts, the same machine, in one run.

    python -m benchmarks.compare --name pocket
    python -m benchmarks.compare --model qwen2.5-0.5b --peers all --clients 1,8,16 \
        --rounds 1 --seconds 15

The first use of a peer installs it into an environment of its own, builds it if it must be built,
and converts the model; all of that is kept in ~/.cache/kamado-benchmarks. What cannot be installed
or started becomes a line that says why. Round by round and load by load the servers then take
turns, and while one is measured the others are stopped (SIGSTOP): a drift of the machine meets all
of them, and none takes a core from another.

An interrupted run goes on where it was when it is given the same --run.
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.cache import CACHE, cache_folder
from benchmarks.comparison import ComparedServer, Comparison
from benchmarks.comparison_run import ComparisonRun, prepare_peers
from benchmarks.host import describe_host
from benchmarks.models import SHAPES, model_folder
from benchmarks.peers.catalogue import ALL, PEERS, choose
from benchmarks.peers.kamado import Kamado
from benchmarks.peers.peer import Peer
from benchmarks.plot import draw
from benchmarks.prompts import TextPrompts
from benchmarks.run_log import RunLog, RunLogError
from benchmarks.schedule import Schedule

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks/results"

console = Console(stderr=True, highlight=False, soft_wrap=True)


def main(
    model: Annotated[
        str, typer.Option(help=f"pocket, a folder, or a random {', '.join(SHAPES)}.")
    ] = "pocket",
    name: Annotated[
        str | None, typer.Option(help="Of the files in benchmarks/results; default: the model's.")
    ] = None,
    peers: Annotated[
        str, typer.Option(help=f"all ({', '.join(ALL)}), or some of {', '.join(PEERS)}.")
    ] = "kamado,kamado-int8,transformers",
    clients: Annotated[str, typer.Option(help="Loads, each of so many clients.")] = "1,4,8,16",
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    seconds: Annotated[
        float | None, typer.Option(min=1, help="Of each load; default: by number of requests.")
    ] = None,
    requests_per_client: Annotated[int, typer.Option(min=1, help="Without --seconds.")] = 4,
    prompt_tokens: Annotated[str, typer.Option(help="from:to.")] = "32:256",
    max_tokens: Annotated[int, typer.Option(min=2)] = 64,
    threads: Annotated[int, typer.Option(min=1, help="Per server.")] = os.cpu_count() or 1,
    retries: Annotated[
        int, typer.Option(min=0, help="Of a load during which others used the machine.")
    ] = 2,
    prepare: Annotated[
        bool, typer.Option(help="Install and convert what is missing, and measure nothing.")
    ] = False,
    run: Annotated[
        str | None, typer.Option(help="Name of the run; one of before is continued.")
    ] = None,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Write benchmarks/results/NAME.md, NAME.json and NAME.png."""
    chosen = _chosen(peers)
    shortest, _, longest = prompt_tokens.partition(":")
    schedule = Schedule(
        model=_folder(model),
        clients=tuple(int(count) for count in clients.split(",")),
        rounds=rounds,
        requests_per_client=requests_per_client,
        seconds=seconds,
        prompt_tokens=(int(shortest), int(longest or shortest)),
        max_tokens=max_tokens,
        num_threads=threads,
        retries=retries,
        seed=seed,
    )
    if prepare:
        raise typer.Exit(len(prepare_peers(chosen, schedule.model)))
    run = run or time.strftime("%Y%m%d-%H%M%S")
    try:
        log = RunLog.opened(CACHE / "runs" / f"{run}.jsonl", schedule)
    except RunLogError as error:
        raise typer.BadParameter(str(error)) from error
    console.print(f"run {run}; if it is interrupted, --run {run} goes on with it")
    measured = ComparisonRun(
        schedule=schedule,
        peers=chosen,
        prompts=TextPrompts.for_model(schedule.model, seed, *schedule.prompt_tokens),
        log=log,
        server_logs=cache_folder("runs", run),
    )
    try:
        asyncio.run(in_order(measured))
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print(f"interrupted; --run {run} goes on with it")
        raise typer.Exit(130) from None
    _write(_comparison(name or Path(model).name, measured), name or Path(model).name)


async def in_order(run: ComparisonRun) -> None:
    """Told to end as Ctrl-C tells it, it ends its servers, too: they are in sessions of their own,
    and nobody else would."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await run.measure()


def _chosen(names: str) -> Mapping[str, Peer]:
    try:
        return choose(names)
    except KeyError as error:
        raise typer.BadParameter(f"{error} is none of {', '.join(PEERS)}") from error


def _folder(model: str) -> Path:
    if model == "pocket":
        return ROOT / "models/pocket/weights"
    if model in SHAPES:
        return model_folder(model)
    if not (Path(model) / "config.json").is_file():
        known = ", ".join(("pocket", *SHAPES))
        raise typer.BadParameter(f"{model!r} is no folder with a config.json and none of {known}")
    return Path(model).resolve()


def _comparison(name: str, run: ComparisonRun) -> Comparison:
    servers = [
        ComparedServer(
            name=peer.name,
            weights=peer.weights,
            remark=peer.remark,
            is_ours=isinstance(peer, Kamado),
            ready_s=tuple(run.log.ready_s.get(peer.name, ())),
            unavailable=run.unavailable.get(key),
        )
        for key, peer in run.peers.items()
    ]
    turns = run.schedule.turns(list(run.peers))
    return Comparison(
        title=name,
        host=describe_host(),
        method=run.schedule.sentences,
        num_tokens=run.schedule.max_tokens,
        servers=servers,
        results=[run.log.results[turn] for turn in turns if turn in run.log.results],
        num_discarded=len(run.log.discarded),
    )


def _write(comparison: Comparison, name: str) -> None:
    RESULTS.mkdir(exist_ok=True)
    plot = RESULTS / f"{name}.png"
    if comparison.results:
        draw(comparison, plot)
    page = comparison.as_markdown(plot.name if comparison.results else None)
    (RESULTS / f"{name}.md").write_text(page, encoding="utf-8")
    content = json.dumps(comparison.as_json(), indent=1)
    (RESULTS / f"{name}.json").write_text(content + "\n", encoding="utf-8")
    print(page)


if __name__ == "__main__":
    typer.run(main)
