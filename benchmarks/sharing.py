"""What people who share a server do to each other: how much a shared beginning saves the second
one, and how long streams stand still while a long prompt arrives.

    python -m benchmarks.sharing http://127.0.0.1:3000 --model NAME --vocab-size 151936
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from statistics import median
from typing import Annotated

import httpx
import typer

from benchmarks.completion_client import CompletionClient
from benchmarks.percentiles import milliseconds
from benchmarks.prompts import TokenIdPrompts
from benchmarks.request_record import RequestRecord

SHARED_TOKENS, OWN_TOKENS = 512, 16
FIRST_ID = 300
"""Those below are special or single bytes in most vocabularies."""


class SharingError(Exception):
    """A request failed, so there is nothing to compare."""


@dataclass(frozen=True, slots=True)
class MixedLoad:
    """Seconds between the tokens of streams."""

    ordinary_s: float
    """The median before the long prompt came."""
    longest_s: float
    """The longest of any stream until it had its first token."""
    time_to_first_token_s: float
    """Of the long prompt."""


class Sharing:
    """Asks one server with token ids that nobody has sent before."""

    def __init__(self, http: httpx.AsyncClient, model: str, vocab_size: int, seed: int) -> None:
        self._http = http
        self._model = model
        self._vocab_size = vocab_size
        self._seed = seed
        self._numbers = count()

    async def prefix(self) -> tuple[float, float]:
        """Seconds to the first token: of a prompt, and of another that ends differently."""
        shared = self._ids(SHARED_TOKENS)
        first, second = [
            await self._send(shared + self._ids(OWN_TOKENS), max_tokens=2) for _ in range(2)
        ]
        return _first_token_s(first), _first_token_s(second)

    async def mixed(self, streams: int, long_tokens: int, max_tokens: int) -> MixedLoad:
        """A prompt of `long_tokens` arrives when `streams` are a quarter of their way along."""
        running = [
            asyncio.create_task(self._send(self._ids(64), max_tokens=max_tokens))
            for _ in range(streams)
        ]
        probe = await self._send(self._ids(64), max_tokens=max_tokens // 4)
        long = await self._send(self._ids(long_tokens), max_tokens=2)
        records = await asyncio.gather(*running)
        if any(record.end_s < long.event_times_s[0] for record in records):
            raise SharingError(
                f"streams of {max_tokens} tokens ended before the long prompt had one"
            )
        return MixedLoad(
            ordinary_s=median(_gaps(records, probe.event_times_s[0], long.start_s)),
            longest_s=max(_gaps(records, long.start_s, long.event_times_s[0])),
            time_to_first_token_s=_first_token_s(long),
        )

    def _ids(self, length: int) -> list[int]:
        source = TokenIdPrompts(
            self._seed, length, length, first_id=FIRST_ID, vocab_size=self._vocab_size
        )
        return source.prompt(next(self._numbers))

    async def _send(self, prompt: list[int], *, max_tokens: int) -> RequestRecord:
        fields = {"max_tokens": max_tokens, "ignore_eos": True, "temperature": 0}
        record = await CompletionClient(self._http, self._model, fields=fields).send(prompt)
        if record.error or not record.event_times_s:
            raise SharingError(record.error or "an answer without text")
        return record


def _first_token_s(record: RequestRecord) -> float:
    return record.event_times_s[0] - record.start_s


def _gaps(records: Sequence[RequestRecord], start_s: float, end_s: float) -> list[float]:
    """Between events of one stream, those that share a moment with the time."""
    return [
        later - earlier
        for record in records
        for earlier, later in zip(record.event_times_s, record.event_times_s[1:], strict=False)
        if later > start_s and earlier < end_s
    ]


async def _report(
    sharing: Sharing, rounds: int, streams: int, long_tokens: int, max_tokens: int
) -> None:
    pairs = [await sharing.prefix() for _ in range(rounds)]
    first, second = (median(times) for times in zip(*pairs, strict=True))
    print(
        f"a prompt of {SHARED_TOKENS} + {OWN_TOKENS} tokens has its first token after "
        f"{milliseconds(first)} ms; the next with the same {SHARED_TOKENS} after "
        f"{milliseconds(second)} ms, {second / first:.1%} (medians of {rounds})"
    )
    mixed = [await sharing.mixed(streams, long_tokens, max_tokens) for _ in range(rounds)]
    ordinary, longest = median(m.ordinary_s for m in mixed), max(m.longest_s for m in mixed)
    print(
        f"{streams} streams get a token every {milliseconds(ordinary)} ms; while a prompt of "
        f"{long_tokens} arrives no one waits longer than {milliseconds(longest)} ms, "
        f"{longest / ordinary:.1f} times that; its first token comes after "
        f"{median(m.time_to_first_token_s for m in mixed):.2f} s"
    )


def main(
    base_url: Annotated[str, typer.Argument(help="The server's address, without /v1.")],
    model: Annotated[str, typer.Option(help="Its name there.")],
    vocab_size: Annotated[int, typer.Option(help="Ids are drawn below it.")],
    rounds: int = 3,
    streams: Annotated[int, typer.Option(help="Beside the long prompt.")] = 8,
    long_tokens: Annotated[int, typer.Option(help="Of the long prompt.")] = 4096,
    max_tokens: Annotated[int, typer.Option(help="Of each stream.")] = 400,
    seed: Annotated[int, typer.Option(help="Another one for each run against one server.")] = 0,
) -> None:
    """Measure a shared beginning, and streams beside a long prompt."""

    async def run() -> None:
        async with httpx.AsyncClient(base_url=base_url) as http:
            sharing = Sharing(http, model, vocab_size, seed)
            await _report(sharing, rounds, streams, long_tokens, max_tokens)

    try:
        asyncio.run(run())
    except SharingError as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    typer.run(main)
