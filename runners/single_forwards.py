"""Work that takes one forward and no place in the schedule: vectors of prompts, scores of answers.
Runs on the engine's thread between two steps, in groups small enough that streams can wait."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from runners.engine.request import SequenceOutput

if TYPE_CHECKING:  # it imports torch, which takes seconds
    from runners.engine.engine import Engine

MAX_FORWARD_TOKENS = 2048
"""Of one group: streams that are being generated wait for it."""

Command = Callable[["Engine"], Iterable[SequenceOutput]]
"""Runs on the engine's thread between two steps; what it returns goes the way of a step's
outputs."""

Row = TypeVar("Row")
Result = TypeVar("Result")


async def in_groups(
    submit: Callable[[Command], None],
    work: "Callable[[Engine, Sequence[Row]], list[Result]]",
    rows: Sequence[Row],
    num_tokens: Callable[[Row], int],
) -> list[Result]:
    """One result per row, in the order given. `submit` hands a command to the engine's thread."""
    results: list[Result] = []
    for group in _groups(rows, num_tokens):
        results += await _call(submit, work, group)
    return results


async def _call(
    submit: Callable[[Command], None],
    work: "Callable[[Engine, Sequence[Row]], list[Result]]",
    group: Sequence[Row],
) -> list[Result]:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[list[Result]] = loop.create_future()

    def settle(results: list[Result] | None, error: Exception | None) -> None:
        if future.done():  # the caller has gone
            return
        if error is not None:
            future.set_exception(error)
        elif results is not None:
            future.set_result(results)

    def command(engine: "Engine") -> Iterable[SequenceOutput]:
        try:
            results = work(engine, group)
        except Exception as error:
            loop.call_soon_threadsafe(settle, None, error)
        else:
            loop.call_soon_threadsafe(settle, results, None)
        return ()

    submit(command)
    return await future


def _groups(rows: Sequence[Row], num_tokens: Callable[[Row], int]) -> Iterable[Sequence[Row]]:
    """Consecutive rows, together at most MAX_FORWARD_TOKENS unless a single one is longer."""
    group: list[Row] = []
    total = 0
    for row in rows:
        if group and total + num_tokens(row) > MAX_FORWARD_TOKENS:
            yield group
            group, total = [], 0
        group.append(row)
        total += num_tokens(row)
    if group:
        yield group
