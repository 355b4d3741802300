"""`python -m runners.batch in.jsonl out.jsonl`: answer a batch's lines without a server.

Each line goes to the application that also answers online requests, in this process. Which one that
is, is named and not imported: this layer knows only that it speaks ASGI.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from starlette.types import ASGIApp

from runners.batch_caller import BatchCaller
from runners.batch_file import AnswerFile, read_batch
from runners.batch_line import BatchAnswer, BatchLine
from runners.errors import OfflineError

APP = "api.offline:offline_app"

OpenApp = Callable[[Mapping[str, str]], AbstractAsyncContextManager[ASGIApp]]

command = typer.Typer(add_completion=False, rich_markup_mode="markdown")
console = Console(stderr=True)


class OfflineBatch:
    """One run: what is not answered yet, answered, a bounded number of lines at a time."""

    def __init__(self, source: Path, answers: AnswerFile, concurrency: int) -> None:
        """Raises OfflineError for a source that is no batch, or not that of the answers."""
        self._source = source
        self._answers = answers
        self._concurrency = concurrency
        custom_ids = {line.custom_id for line in read_batch(source)}
        if strange := answers.answered - custom_ids:
            raise OfflineError(
                f"the output answers {min(strange)!r:.80}, which {source.name} does not ask. Name "
                "another file to write to."
            )
        self.num_lines = len(custom_ids)
        self.num_tokens = 0

    @property
    def num_answered(self) -> int:
        return len(self._answers.answered)

    async def run(self, app: ASGIApp, on_answer: Callable[[], None]) -> None:
        """Until all lines are answered. Cancelled, it leaves those under way to the next run.

        Raises OfflineError when the output takes no more.
        """
        seats = asyncio.Semaphore(self._concurrency)
        try:
            async with BatchCaller(app, priority=0) as caller, asyncio.TaskGroup() as group:
                for line in self.open_lines():
                    await seats.acquire()
                    task = group.create_task(self._answer(caller, line, on_answer))
                    task.add_done_callback(lambda _: seats.release())
        except* OSError as failures:
            raise OfflineError(f"the output takes no more: {failures.exceptions[0]}.") from None

    async def _answer(
        self, caller: BatchCaller, line: BatchLine, on_answer: Callable[[], None]
    ) -> None:
        answer: BatchAnswer = await caller.call(line)
        self._answers.write(answer)
        self.num_tokens += answer.tokens.output_tokens
        on_answer()

    def open_lines(self) -> Iterator[BatchLine]:
        """Those without an answer, as of now."""
        answered = frozenset(self._answers.answered)
        return (line for line in read_batch(self._source) if line.custom_id not in answered)


async def answer_all(batch: OfflineBatch, open_app: AbstractAsyncContextManager[ASGIApp]) -> None:
    """With a bar that tells how far it is, how fast, and how long it will take."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        bar = progress.add_task("loading", total=None, pace="")
        async with open_app as app:
            started_s = time.monotonic()
            progress.reset(bar, total=batch.num_lines, completed=batch.num_answered)
            progress.update(bar, description="lines")

            def advance() -> None:
                pace = batch.num_tokens / (time.monotonic() - started_s)
                progress.update(bar, advance=1, pace=f"{pace:.0f} tokens/s")

            await batch.run(app, advance)


@command.command()
def main(
    source: Annotated[Path, typer.Argument(help="JSONL, as for /v1/batches.")],
    output: Annotated[Path, typer.Argument(help="Gets a line for each that is answered.")],
    arg: Annotated[
        list[str] | None,
        typer.Option(help="A setting, as `bentoml serve --arg` takes it: model=FOLDER."),
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Lines that run at once.")] = 64,
) -> None:
    """Answer every line of SOURCE, without a server.

    A line of SOURCE asks what a client would ask:

    ```
    {"custom_id": "1", "method": "POST", "url": "/v1/completions",
     "body": {"model": "pocket", "prompt": "Once"}}
    ```

    Its url is /v1/chat/completions, /v1/completions or /v1/embeddings. The line of OUTPUT with the
    same custom_id has the answer, or why it was refused, in OpenAI's form; lines come in the order
    in which they are done. Ctrl-C, or anything worse, loses only what was under way: the same
    command again goes on from there.
    """
    open_app: OpenApp = resolve_name(APP)
    settings = dict(_setting(given) for given in arg or ())
    try:
        with AnswerFile(output) as answers:
            batch = OfflineBatch(source, answers, concurrency)
            if batch.num_answered < batch.num_lines:
                _run(batch, open_app(settings))
    except OfflineError as error:
        _say(str(error), style="red")
        raise typer.Exit(2) from None
    refused = f", {answers.num_refused} of them with a refusal" if answers.num_refused else ""
    _say(f"{batch.num_answered} lines are answered in {output}{refused}.")
    raise typer.Exit(answers.num_refused > 0)


def _run(batch: OfflineBatch, open_app: AbstractAsyncContextManager[ASGIApp]) -> None:
    try:
        asyncio.run(answer_all(batch, open_app))
    except KeyboardInterrupt:
        _say(
            f"stopped: {batch.num_answered} of {batch.num_lines} lines are answered. The same "
            "command goes on from here."
        )
        raise typer.Exit(130) from None


def _say(message: str, style: str | None = None) -> None:
    """As it is: brackets in it are no markup, and only the terminal breaks its lines."""
    console.print(message, style=style, markup=False, highlight=False, soft_wrap=True)


def _setting(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not equals:
        raise typer.BadParameter(f"{given!r} has no value; write name=value.", param_hint="--arg")
    return name, value


if __name__ == "__main__":
    command()
