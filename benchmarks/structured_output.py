"""Does every answer keep to its schema? Hundreds of schemas against a server, at temperature 1,
streamed and whole, each answer judged by the `jsonschema` package.

    python -m benchmarks.structured_output http://127.0.0.1:3000/v1 --count 400
"""

import asyncio
import datetime
import json
from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any

import jsonschema
import openai
import typer
from rich.progress import track

from benchmarks.schemas import Schema, schemas

MAX_TOKENS = 256
CONCURRENCY = 8

app = typer.Typer(add_completion=False)
formats = jsonschema.FormatChecker()


@formats.checks("date-time", ValueError)
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or bool(datetime.datetime.fromisoformat(_plain(value)))


@formats.checks("time", ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or bool(datetime.time.fromisoformat(_plain(value)) or True)


def _plain(moment: str) -> str:
    """RFC 3339 has leap seconds and a small z; Python has neither."""
    return moment.upper().replace(":60", ":59")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`fault` is empty for an answer that keeps to its schema."""

    kind: str
    schema: Schema
    fault: str
    finish_reason: str
    num_tokens: int


def judge(schema: Schema, answer: str) -> str:
    """Empty if the answer is JSON of this schema."""
    try:
        value = json.loads(answer)
    except ValueError as error:
        return f"no JSON ({error}): {answer[-80:]!r}"
    try:
        jsonschema.validate(value, schema, jsonschema.Draft202012Validator, format_checker=formats)
    except jsonschema.ValidationError as error:
        return f"{error.message[:200]} in {answer[:200]!r}"
    return ""


async def ask(
    client: openai.AsyncOpenAI, schema: Schema, *, stream: bool, seed: int
) -> tuple[str, str, int]:
    """(answer, finish reason, tokens)."""
    request: dict[str, Any] = {
        "model": (await client.models.list()).data[0].id,
        "messages": [{"role": "user", "content": "Make up something, and write it as JSON."}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
        "max_tokens": MAX_TOKENS,
        "temperature": 1,
        "seed": seed,
        "stream": stream,
    }
    if stream:
        request["stream_options"] = {"include_usage": True}
    response: Any = await client.chat.completions.create(**request)
    if not stream:
        choice = response.choices[0]
        return choice.message.content, choice.finish_reason, response.usage.completion_tokens
    text, reason, tokens = "", "", 0
    async for chunk in response:
        for choice in chunk.choices:
            text += choice.delta.content or ""
            reason = choice.finish_reason or reason
        tokens = chunk.usage.completion_tokens if chunk.usage else tokens
    return text, reason, tokens


async def run(url: str, count: int, seed: int) -> list[Verdict]:
    gate = asyncio.Semaphore(CONCURRENCY)

    async with openai.AsyncOpenAI(base_url=url, api_key="-", max_retries=3) as client:

        async def one(i: int, kind: str, schema: Schema, stream: bool) -> Verdict:
            async with gate:
                try:
                    answer, reason, tokens = await ask(client, schema, stream=stream, seed=i)
                except openai.APIError as error:
                    return Verdict(kind, schema, f"refused: {error}", "refused", 0)
            return Verdict(kind, schema, judge(schema, answer), reason, tokens)

        tasks = [
            asyncio.create_task(one(i, kind, schema, stream))
            for i, (kind, schema) in enumerate(schemas(count, seed))
            for stream in (False, True)
        ]
        done = track(asyncio.as_completed(tasks), "answers", total=len(tasks))
        return [await task for task in done]


@app.command()
def main(
    url: Annotated[str, typer.Argument(help="The server's, with /v1.")],
    count: Annotated[int, typer.Option(help="Schemas; each is asked for twice.")] = 400,
    seed: int = 0,
) -> None:
    """Every answer that does not keep to its schema is shown."""
    verdicts = asyncio.run(run(url, count, seed))
    for verdict in verdicts:
        if verdict.fault:
            typer.echo(f"{verdict.kind}: {verdict.fault}\n  {json.dumps(verdict.schema)[:600]}")
    reasons = Counter(verdict.finish_reason for verdict in verdicts)
    num_good = sum(not verdict.fault for verdict in verdicts)
    tokens = sum(verdict.num_tokens for verdict in verdicts)
    typer.echo(f"{num_good} of {len(verdicts)} answers keep to their schema; {dict(reasons)}; "
               f"{tokens} tokens")  # fmt: skip
    raise typer.Exit(num_good != len(verdicts))


if __name__ == "__main__":
    app()
