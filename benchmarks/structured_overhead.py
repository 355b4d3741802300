"""What a bound answer costs: the same streams free and bound, taking turns on one server; what the
masks alone take; and how streams fare while others send grammars that cannot be compiled.

    python -m benchmarks.structured_overhead http://127.0.0.1:3000/v1
"""

import asyncio
import itertools
import time
from collections.abc import Mapping
from statistics import median
from typing import Annotated, Any

import openai
import typer

from benchmarks.percentiles import Percentiles

MAX_TOKENS = 192
RECORDS = {
    "type": "array",
    "minItems": 4,
    "maxItems": 4,
    "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 60},
            "kind": {"enum": ["animal", "plant", "stone"]},
            "size": {"type": "integer", "minimum": 1, "maximum": 999},
        },
        "required": ["name", "kind", "size"],
    },
}
LOADS: Mapping[str, dict[str, Any]] = {
    "free": {"extra_body": {"ignore_eos": True}},
    "regex": {"extra_body": {"regex": "([A-Za-z]+[ ,.'!?]+)+[{]"}},
    "schema": {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "records", "schema": RECORDS},
        }
    },
}
"""The regex forces no token and ends only where it must: every step pays for its mask, and the last
ones for looking for the end, and nothing is gained."""

app = typer.Typer(add_completion=False)
_numbers = itertools.count()


async def stream(client: openai.AsyncOpenAI, **options: Any) -> tuple[int, list[float]]:
    """(tokens, times at which pieces came)."""
    request: dict[str, Any] = {
        "model": "pocket",
        "messages": [{"role": "user", "content": f"Tell me about number {next(_numbers)}."}],
        "max_tokens": MAX_TOKENS,
        "temperature": 1,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    arrivals, tokens = [], 0
    async for chunk in await client.chat.completions.create(**(request | options)):
        arrivals.append(time.perf_counter())
        tokens = chunk.usage.completion_tokens if chunk.usage else tokens
    return tokens, arrivals


async def throughput(client: openai.AsyncOpenAI, load: str, num_streams: int) -> float:
    """Output tokens per second of so many streams at once, twice in a row each."""

    async def caller() -> int:
        return sum([(await stream(client, **LOADS[load]))[0] for _ in range(2)])

    started_s = time.perf_counter()
    tokens = sum(await asyncio.gather(*(caller() for _ in range(num_streams))))
    return tokens / (time.perf_counter() - started_s)


async def pace(client: openai.AsyncOpenAI, *, bombs: bool) -> tuple[list[float], list[float]]:
    """(gaps between pieces of 4 free streams, times to the refusal of a bomb), in seconds."""
    refusals: list[float] = []
    is_over = False

    async def bomber() -> None:
        while bombs and not is_over:
            started_s = time.perf_counter()
            number = next(_numbers)
            try:
                await stream(client, extra_body={"regex": f"(a{{{80000 + number}}}){{99999}}"})
            except openai.APIStatusError:
                refusals.append(time.perf_counter() - started_s)

    task = asyncio.create_task(bomber())
    free = LOADS["free"] | {"max_tokens": 500}
    results = await asyncio.gather(*(stream(client, **free) for _ in range(4)))
    is_over = True
    await task
    gaps = [b - a for _, arrivals in results for a, b in itertools.pairwise(arrivals[:-1])]
    return gaps, refusals


async def run(url: str, num_streams: int, rounds: int) -> None:
    async with openai.AsyncOpenAI(base_url=url, api_key="-", max_retries=0) as client:
        for load in LOADS:
            typer.echo(f"{load}: {await throughput(client, load, num_streams):.0f} at first")
        taken: dict[str, list[float]] = {load: [] for load in LOADS}
        for _ in range(rounds):
            for load, figures in taken.items():
                figures.append(await throughput(client, load, num_streams))
        free = median(taken["free"])
        for load, figures in taken.items():
            ratio = median(figures) / free
            typer.echo(f"{load:8} {median(figures):7.0f} tokens/s  {ratio:.2f} of free")
        for bombs in (False, True):
            gaps, refusals = await pace(client, bombs=bombs)
            beside = " beside bombs" if bombs else ""
            typer.echo(f"gaps between pieces{beside}, p50 / p95 / p99: {in_ms(gaps)} ms")
            if refusals:
                typer.echo(f"{len(refusals)} bombs refused after {in_ms(refusals)} ms, "
                           f"the slowest after {max(refusals) * 1000:.0f}")  # fmt: skip


def in_ms(values_s: list[float]) -> str:
    percentiles = Percentiles.of(values_s)
    return percentiles.in_ms() if percentiles else "none"


@app.command()
def main(
    url: Annotated[str, typer.Argument(help="The server's, with /v1.")],
    streams: Annotated[int, typer.Option(help="At once.")] = 8,
    rounds: int = 5,
) -> None:
    asyncio.run(run(url, streams, rounds))


if __name__ == "__main__":
    app()
