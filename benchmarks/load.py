"""Load any OpenAI-compatible server, and say how it bore it.

python -m benchmarks.load http://127.0.0.1:3000 --model pocket --clients 8 --requests 32
python -m benchmarks.load http://127.0.0.1:3000 --model pocket --rate 2.5 --requests 100
"""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.progress import Progress

from benchmarks.arrivals import Arrivals, ClosedLoop, Poisson
from benchmarks.completion_client import CompletionClient, Endpoint
from benchmarks.load_result import LoadResult, markdown_table
from benchmarks.load_run import LoadRun
from benchmarks.prompts import PromptSource, TextPrompts, TokenIdPrompts


def main(
    base_url: Annotated[str, typer.Argument(help="The server's address, without /v1.")],
    model: Annotated[str, typer.Option(help="Its name there.")],
    clients: Annotated[int | None, typer.Option(min=1, help="Closed loop of so many.")] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Poisson arrivals per second.")
    ] = None,
    requests: Annotated[int, typer.Option(min=1)] = 32,
    warmup: Annotated[int, typer.Option(min=0, help="Requests that are not counted.")] = 2,
    endpoint: Annotated[Endpoint, typer.Option()] = "completions",
    prompt_tokens: Annotated[str, typer.Option(help="N, or from:to.")] = "64:256",
    max_tokens: Annotated[int, typer.Option(min=1)] = 64,
    ignore_eos: Annotated[bool, typer.Option(help="Always max_tokens tokens.")] = False,
    extra: Annotated[str, typer.Option(help="JSON object merged into each body.")] = "{}",
    tokenizer: Annotated[
        Path | None, typer.Option(help="Folder; without it, prompts are measured in words.")
    ] = None,
    vocab_size: Annotated[
        int | None, typer.Option(help="Send random token ids below it instead of text.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of prompts and arrivals.")] = 0,
    api_key: Annotated[str | None, typer.Option()] = None,
    server_pid: Annotated[int | None, typer.Option(help="Whose memory and CPU to record.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all of it here.")] = None,
) -> None:
    """Measure time to first token, latency between tokens, throughput, errors and memory."""
    fields: dict[str, Any] = {"max_tokens": max_tokens, **json.loads(extra)}
    if ignore_eos:
        fields["ignore_eos"] = True
    run = LoadRun(
        arrivals=_arrivals(clients, rate, seed),
        prompts=_prompts(seed, prompt_tokens, tokenizer, vocab_size),
        num_requests=requests,
        num_warmup=warmup,
    )
    console = Console(stderr=True)
    result = asyncio.run(
        _measure(run, base_url, model, endpoint, fields, api_key, server_pid, console)
    )
    print(markdown_table([result]))
    for error in sorted(set(result.errors)):
        console.print(f"{result.errors.count(error)} x {error}", markup=False, soft_wrap=True)
    if result.machine.is_contaminated:
        console.print("[yellow]* other processes used the machine during the run[/yellow]")
    if json_file is not None:
        json_file.write_text(json.dumps(result.as_json(), indent=1) + "\n")
    raise typer.Exit(1 if result.errors else 0)


async def _measure(
    run: LoadRun,
    base_url: str,
    model: str,
    endpoint: Endpoint,
    fields: dict[str, Any],
    api_key: str | None,
    server_pid: int | None,
    console: Console,
) -> LoadResult:
    headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=base_url, headers=headers, limits=limits) as http:
        client = CompletionClient(http, model, endpoint, fields)
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task(run.arrivals.label, total=run.num_requests)
            return await run.against(
                client,
                server=base_url,
                server_pid=server_pid,
                on_answer=lambda: progress.advance(task),
            )


def _arrivals(clients: int | None, rate: float | None, seed: int) -> Arrivals:
    if (clients is None) == (rate is None):
        raise typer.BadParameter("give either --clients or --rate")
    return ClosedLoop(clients) if clients is not None else Poisson(rate or 0.0, seed)


def _prompts(
    seed: int, prompt_tokens: str, tokenizer: Path | None, vocab_size: int | None
) -> PromptSource:
    low, _, high = prompt_tokens.partition(":")
    shortest, longest = int(low), int(high or low)
    if vocab_size is not None:
        # the first ids are special or single bytes in most vocabularies
        return TokenIdPrompts(seed, shortest, longest, first_id=300, vocab_size=vocab_size)
    if tokenizer is not None:
        return TextPrompts.for_model(tokenizer, seed, shortest, longest)
    return TextPrompts(seed, shortest, longest)


if __name__ == "__main__":
    typer.run(main)
