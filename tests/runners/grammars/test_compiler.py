"""Compiling what callers send: bounded, cached, and harmless whatever it is."""

import asyncio
import os
import signal
import time

import pytest

from runners.errors import CompilerBusyError, GrammarRefusedError
from runners.grammars.compiler import GrammarCompiler
from runners.grammars.json_schema import schema_source
from runners.grammars.source import from_grammar, from_regex

PLAIN = schema_source({"type": "object", "properties": {"a": {"type": "string"}}}, "s")
BOMBS = {
    "nested repetition": from_regex("(a{100000}){100000}"),
    "long repetition": from_regex("(ab{30000}c){30000}"),
    "endless recursion": from_grammar(
        "start: a0\n" + "\n".join(f'a{i}: "x"? a{(i + 1) % 2000}?' for i in range(2000))
    ),
    "many alternatives": from_grammar(
        "start: e\ne: e e | " + " | ".join(f"/a{{0,{i}}}b/" for i in range(3000))
    ),
    "many ways to read it": from_grammar('start: e\ne: e e e e | "a" | ""'),
    "deep parentheses": from_grammar("start: " + "(" * 20000 + '"a"' + ")" * 20000),
    "deep GBNF": from_grammar("root ::= " + "(" * 3000 + '"a"' + ")" * 3000),
}


@pytest.fixture
def compiler(pocket, eos):
    compiler = GrammarCompiler(pocket.as_json, 3072, frozenset({eos}))
    yield compiler
    compiler.close()


async def test_good_and_bad_grammars_are_remembered(compiler):
    assert await compiler.compile(PLAIN, "f") is await compiler.compile(PLAIN, "f")
    for _ in range(2):
        with pytest.raises(GrammarRefusedError, match="f cannot be kept to"):
            await compiler.compile(from_regex("(a"), "f")
    compiler._trials.close()  # what is remembered needs no trial
    assert await compiler.compile(PLAIN, "f")


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_is_refused_and_the_next_grammar_is_not(compiler, name):
    await compiler.compile(PLAIN, "f")
    started_s = time.monotonic()
    with pytest.raises((GrammarRefusedError, CompilerBusyError)):
        await compiler.compile(BOMBS[name], "f")
    assert time.monotonic() - started_s < 20  # far under what it would take; no measurement
    await compiler.compile(from_regex("a|b"), "f")


async def test_the_event_loop_goes_on_meanwhile(compiler):
    task = asyncio.create_task(compiler.compile(BOMBS["nested repetition"], "f"))
    ticks = 0
    while not task.done():
        await asyncio.sleep(0.001)
        ticks += 1
    assert ticks > 20
    assert isinstance(task.exception(), GrammarRefusedError | CompilerBusyError)


async def test_one_compilation_for_all_who_ask_at_once(compiler, monkeypatch):
    calls = []
    refusal = compiler._trials.refusal
    monkeypatch.setattr(
        compiler._trials, "refusal", lambda source: calls.append(source) or refusal(source)
    )
    grammars = await asyncio.gather(*(compiler.compile(PLAIN, "f") for _ in range(10)))
    assert len(set(map(id, grammars))) == len(calls) == 1


async def test_whoever_leaves_does_not_stop_it_for_others(compiler):
    first = asyncio.create_task(compiler.compile(PLAIN, "f"))
    await asyncio.sleep(0)
    second = asyncio.create_task(compiler.compile(PLAIN, "f"))
    await asyncio.sleep(0)
    first.cancel()
    assert await second


async def test_a_worker_that_was_killed_is_started_again(compiler):
    await compiler.compile(PLAIN, "f")
    os.kill(compiler._trials._process.pid, signal.SIGKILL)
    compiler._trials._process.wait()
    assert await compiler.compile(from_regex("[a-c]+"), "f")


async def test_a_fault_in_use_is_remembered(compiler):
    grammar = await compiler.compile(PLAIN, "f")
    grammar.fault = "it is slow"
    with pytest.raises(GrammarRefusedError, match="it is slow"):
        await compiler.compile(PLAIN, "f")


async def test_too_many_at_once_are_told_to_come_again(compiler):
    tasks = [
        asyncio.create_task(compiler.compile(from_regex(f"(a{{{90000 + i}}}){{99999}}"), "f"))
        for i in range(40)
    ]
    errors = await asyncio.gather(*tasks, return_exceptions=True)
    assert any("which is the limit" in str(error) for error in errors)
    assert all(isinstance(e, GrammarRefusedError | CompilerBusyError) for e in errors)
