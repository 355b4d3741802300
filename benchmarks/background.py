"""What a batch in the background costs those who are online: their time to the first token, with a
batch under way and without one.

    python -m benchmarks.background http://127.0.0.1:3000 --model pocket

Windows with and without take turns, each followed by its opposite, so that a machine that grows
slower or faster weighs on both alike. The same arrivals come in both; the prompts differ in all.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from itertools import count
from statistics import median
from typing import Annotated, Any

import httpx
import typer

from benchmarks.arrivals import Poisson
from benchmarks.completion_client import CompletionClient
from benchmarks.percentiles import Percentiles
from benchmarks.prompts import TextPrompts

NUM_LINES = 5_000
"""More than a window has time for."""
END_TIMEOUT_S = 120.0


class BackgroundError(Exception):
    """Nothing to compare."""


@dataclass(frozen=True, slots=True)
class Load:
    rate_per_s: float
    num_requests: int
    prompt_words: tuple[int, int]
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Window:
    first_token_s: list[float]
    """Of each online request."""
    num_lines: int
    """Of the batch, answered meanwhile."""


class Background:
    """Asks one server that nobody else asks."""

    def __init__(self, http: httpx.AsyncClient, model: str, load: Load, seed: int) -> None:
        self._http = http
        self._model = model
        self._load = load
        self._seed = seed
        self._prompts = TextPrompts(seed, *load.prompt_words)
        self._numbers = count()

    async def window(self, number: int, *, batch: bool) -> Window:
        """`number` chooses the arrivals. Raises BackgroundError."""
        if not batch:
            return Window(await self._online(number), 0)
        batch_id = await self._start_batch()
        try:
            before = await self._answered(batch_id)
            times = await self._online(number)
            num_lines = await self._answered(batch_id) - before
        finally:
            await self._end_batch(batch_id)
        return Window(times, num_lines)

    async def _online(self, number: int) -> list[float]:
        fields = {"max_tokens": self._load.max_tokens, "ignore_eos": True, "temperature": 0}
        client = CompletionClient(self._http, self._model, fields=fields)
        records = []

        async def send(_: int) -> None:
            records.append(await client.send(self._prompts.prompt(next(self._numbers))))

        arrivals = Poisson(self._load.rate_per_s, seed=self._seed + number)
        await arrivals.drive(send, self._load.num_requests)
        for record in records:
            if record.error or not record.event_times_s:
                raise BackgroundError(record.error or "an answer without text")
        return [record.event_times_s[0] - record.start_s for record in records]

    async def _start_batch(self) -> str:
        """Returns when it is at work."""
        lines = "\n".join(json.dumps(self._line(number)) for number in range(NUM_LINES))
        file = await self._ask(
            "POST", "/v1/files", files={"file": ("in.jsonl", lines)}, data={"purpose": "batch"}
        )
        body = {
            "input_file_id": file["id"],
            "endpoint": "/v1/completions",
            "completion_window": "24h",
        }
        batch: dict[str, Any] = await self._ask("POST", "/v1/batches", json=body)
        await self._until(batch["id"], lambda now: now["request_counts"]["completed"] > 0)
        return str(batch["id"])

    def _line(self, number: int) -> dict[str, Any]:
        prompts = TextPrompts(self._seed + 1, *self._load.prompt_words)
        prompt = f"{next(self._numbers)} {prompts.prompt(number)}"
        body = {"model": self._model, "prompt": prompt, "max_tokens": 64, "ignore_eos": True}
        return {"custom_id": f"{number}", "method": "POST", "url": "/v1/completions", "body": body}

    async def _answered(self, batch_id: str) -> int:
        """Raises BackgroundError for a batch that is no longer at work."""
        batch = await self._ask("GET", f"/v1/batches/{batch_id}")
        if batch["status"] != "in_progress":
            raise BackgroundError(f"the batch is {batch['status']}; it should outlast a window")
        return int(batch["request_counts"]["completed"])

    async def _end_batch(self, batch_id: str) -> None:
        """And its files' traces."""
        await self._ask("POST", f"/v1/batches/{batch_id}/cancel")
        ended = await self._until(batch_id, lambda now: now["status"] == "cancelled")
        for name in ("input_file_id", "output_file_id", "error_file_id"):
            if ended[name] is not None:
                await self._ask("DELETE", f"/v1/files/{ended[name]}")

    async def _until(self, batch_id: str, holds: Any) -> dict[str, Any]:
        deadline_s = time.monotonic() + END_TIMEOUT_S
        while not holds(batch := await self._ask("GET", f"/v1/batches/{batch_id}")):
            if batch["status"] in ("failed", "completed") or time.monotonic() > deadline_s:
                raise BackgroundError(f"the batch is {batch['status']}: {batch['errors']}")
            await asyncio.sleep(0.1)
        return batch

    async def _ask(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        response = await self._http.request(method, path, timeout=60.0, **body)
        if response.status_code != 200:
            raise BackgroundError(f"{path}: {response.status_code} {response.text[:200]}")
        answer: dict[str, Any] = response.json()
        return answer


async def _report(background: Background, rounds: int) -> None:
    windows: dict[bool, list[Window]] = {False: [], True: []}
    for number in range(-1, rounds):
        for batch in (number % 2 == 0, number % 2 != 0):
            window = await background.window(number, batch=batch)
            if number >= 0:  # the first pair warms up
                windows[batch].append(window)
    for batch, name in ((False, "alone"), (True, "beside a batch")):
        times = [time_s for window in windows[batch] for time_s in window.first_token_s]
        found = Percentiles.of(times)
        assert found is not None, "a window has at least one request"
        print(f"{name}: first token p50 / p95 / p99 {found.in_ms()} ms of {len(times)} requests")
    ratios = [_p99(beside) / _p99(alone) for alone, beside in zip(*windows.values(), strict=True)]
    pooled = _p99(*windows[True]) / _p99(*windows[False])
    print(
        f"p99 beside a batch to p99 alone: {pooled:.3f} of all requests; {median(ratios):.3f} the "
        f"median of {rounds} rounds, {min(ratios):.3f} to {max(ratios):.3f}"
    )
    num_lines = sum(window.num_lines for window in windows[True])
    print(f"the batch answered {num_lines} lines meanwhile")


def _p99(*windows: Window) -> float:
    found = Percentiles.of([time_s for window in windows for time_s in window.first_token_s])
    assert found is not None, "a window has at least one request"
    return found.p99


def main(
    base_url: Annotated[str, typer.Argument(help="The server's address, without /v1.")],
    model: Annotated[str, typer.Option(help="Its name there.")],
    rate: Annotated[float, typer.Option(help="Online arrivals per second.")] = 8.0,
    requests: Annotated[int, typer.Option(min=1, help="Of a window.")] = 300,
    rounds: Annotated[int, typer.Option(min=1, help="Pairs of windows, beside a first.")] = 6,
    max_tokens: Annotated[int, typer.Option(min=1, help="Of an online answer.")] = 32,
    prompt_words: Annotated[tuple[int, int], typer.Option(help="From, to.")] = (32, 128),
    seed: Annotated[int, typer.Option(help="Another one for each run against one server.")] = 0,
) -> None:
    """Measure what a batch costs those who are online."""

    async def run() -> None:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=base_url, limits=limits) as http:
            load = Load(rate, requests, prompt_words, max_tokens)
            await _report(Background(http, model, load, seed), rounds)

    try:
        asyncio.run(run())
    except BackgroundError as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    typer.run(main)
