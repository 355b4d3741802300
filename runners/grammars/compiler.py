"""From a grammar's source to a compiled grammar, bounded, and remembered whichever way it ends."""

import asyncio
import logging
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from runners.errors import CompilerBusyError, GrammarRefusedError
from runners.grammars.matcher import CompiledGrammar
from runners.grammars.source import GrammarSource
from runners.grammars.tokens import Vocabulary, build_matcher
from runners.grammars.trial import TrialTimeoutError, TrialWorker

logger = logging.getLogger(__name__)

NUM_THREADS = 2
MAX_WAIT_S = 0.95
MAX_PENDING = 32
"""Grammars being compiled or waiting for it; more are told to come again."""
MAX_CACHED = 256
MAX_CACHED_CHARS = 8 * 1024 * 1024
"""Of the sources of the grammars kept."""


class GrammarCompiler:
    """A grammar is tried out in a process that can be killed, and compiled again here only after it
    came through; that takes as long again, beside the event loop and without Python's lock."""

    def __init__(self, tokenizer_json: str, vocab_size: int, eos_token_ids: frozenset[int]) -> None:
        """Raises ValueError for a kind of tokenizer that llguidance does not read."""
        eos = tuple(sorted(eos_token_ids))
        self._vocabulary = Vocabulary(tokenizer_json, vocab_size, eos)
        self._trials = TrialWorker(tokenizer_json, vocab_size, eos)
        self._pool = ThreadPoolExecutor(NUM_THREADS, thread_name_prefix="grammar")
        self._cache: OrderedDict[GrammarSource, CompiledGrammar | str] = OrderedDict()
        self._num_chars = 0
        self._pending: dict[GrammarSource, asyncio.Future[CompiledGrammar | str]] = {}

    def start(self) -> None:
        """Spare the first request the worker's start, which nobody waits for."""
        self._pool.submit(self._trials.start)

    async def compile(self, source: GrammarSource, field: str) -> CompiledGrammar:
        """`field`: the request's, for the message. Raises GrammarRefusedError or
        CompilerBusyError."""
        result = self._cache.get(source)
        if result is None:
            try:
                result = await self._shared(source)
            except TrialTimeoutError as timeout:
                result = str(timeout)
        else:
            self._cache.move_to_end(source)
        refusal = result if isinstance(result, str) else result.fault
        if refusal is not None:
            raise GrammarRefusedError(field, f"{field} cannot be kept to: {refusal}.")
        assert isinstance(result, CompiledGrammar)
        return result

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._trials.close()

    async def _shared(self, source: GrammarSource) -> CompiledGrammar | str:
        """One compilation, however many ask for it at once and whoever of them leaves."""
        future = self._pending.get(source)
        if future is None:
            if len(self._pending) >= MAX_PENDING:
                raise CompilerBusyError(
                    f"{MAX_PENDING} grammars are being compiled, which is the limit."
                )
            loop = asyncio.get_running_loop()
            future = loop.run_in_executor(self._pool, self._compile, source)
            self._pending[source] = future
            future.add_done_callback(lambda done: self._keep(source, done))
        try:
            async with asyncio.timeout(MAX_WAIT_S):
                return await asyncio.shield(future)
        except TimeoutError:  # it goes on, and is found in the cache next time
            raise CompilerBusyError("the service is too busy to compile a grammar.") from None

    def _compile(self, source: GrammarSource) -> CompiledGrammar | str:
        """In a thread. A refusal is a result, to be kept like any other."""
        if refusal := self._trials.refusal(source):
            return refusal.rstrip(".")
        matcher = build_matcher(self._vocabulary.tokenizer, source)
        return CompiledGrammar(matcher, self._vocabulary, source)

    def _keep(self, source: GrammarSource, done: "asyncio.Future[CompiledGrammar | str]") -> None:
        self._pending.pop(source, None)
        if done.cancelled() or done.exception() is not None:
            return
        self._cache[source] = done.result()
        self._num_chars += len(source.text)
        while len(self._cache) > MAX_CACHED or self._num_chars > MAX_CACHED_CHARS:
            forgotten, _ = self._cache.popitem(last=False)
            self._num_chars -= len(forgotten.text)
