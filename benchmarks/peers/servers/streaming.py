"""The least OpenAI-compatible streaming server around an engine that has none of its own.

The same stack as ours (uvicorn, uvloop, httptools), one tokenizer, one event per token that has
text; the engine runs on a thread of its own and hands over all tokens of a step in one call. It
runs in a peer's environment, so it imports nothing of this repository.
"""

import argparse
import asyncio
import contextlib
import os
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream


@dataclass(eq=False, slots=True)
class Job:
    """One answer of exactly `num_tokens`; greedy."""

    prompt_ids: list[int]
    num_tokens: int
    tokens: asyncio.Queue[list[int]] = field(default_factory=asyncio.Queue)


Waiting = SimpleQueue[Job]
Publish = Callable[[Sequence[tuple[Job, list[int]]]], None]
"""New tokens of jobs, from the engine's thread."""


class Engine(Protocol):
    def run(self, waiting: Waiting, publish: Publish) -> None:
        """Forever, on the engine's own thread."""
        ...


def take(waiting: Waiting, *, wait: bool) -> list[Job]:
    """All jobs that wait; with `wait`, at least one."""
    jobs = [waiting.get()] if wait else []
    while not waiting.empty():
        jobs.append(waiting.get())
    return jobs


def options() -> argparse.Namespace:
    """What every server of this kind is told."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, required=True, help="converted, in the engine's form")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    return parser.parse_args()


def serve(make_engine: Callable[[], Engine], arguments: argparse.Namespace) -> None:
    """Some engines obey only the thread that made them, so theirs makes them."""
    server = StreamingServer(make_engine, Tokenizer.from_file(str(arguments.tokenizer)))
    port = arguments.port
    uvicorn.run(server.app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


class StreamingServer:
    def __init__(self, make_engine: Callable[[], Engine], tokenizer: Tokenizer) -> None:
        self._make_engine = make_engine
        self._tokenizer = tokenizer
        self._waiting: Waiting = SimpleQueue()
        self._is_ready = False
        self.app = Starlette(
            routes=[
                Route("/health", self._health),
                Route("/v1/completions", self._complete, methods=["POST"]),
            ],
            lifespan=self._lifespan,
        )

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._run_engine, args=(loop,), daemon=True).start()
        yield

    async def _health(self, _: Request) -> Response:
        return PlainTextResponse("ready" if self._is_ready else "", 200 if self._is_ready else 503)

    async def _complete(self, request: Request) -> Response:
        body = orjson.loads(await request.body())
        prompt_ids = self._tokenizer.encode(body["prompt"]).ids
        job = Job(prompt_ids, body["max_tokens"])
        self._waiting.put(job)
        return StreamingResponse(self._events(job), media_type="text/event-stream")

    def _run_engine(self, loop: asyncio.AbstractEventLoop) -> None:
        def deliver(step: Sequence[tuple[Job, list[int]]]) -> None:
            for job, ids in step:
                job.tokens.put_nowait(ids)

        def publish(step: Sequence[tuple[Job, list[int]]]) -> None:
            loop.call_soon_threadsafe(deliver, step)

        try:
            engine = self._make_engine()
            self._is_ready = True
            engine.run(self._waiting, publish)
        except BaseException:
            traceback.print_exc()
            os._exit(1)  # a server without an engine would leave its clients waiting

    async def _events(self, job: Job) -> AsyncIterator[bytes]:
        decoder = DecodeStream(skip_special_tokens=False)
        num_tokens = 0
        while num_tokens < job.num_tokens:
            for id_ in (await job.tokens.get())[: job.num_tokens - num_tokens]:
                num_tokens += 1
                if text := decoder.step(self._tokenizer, id_):
                    yield _event({"choices": [{"index": 0, "text": text}]})
        usage = {"prompt_tokens": len(job.prompt_ids), "completion_tokens": num_tokens}
        yield _event({"choices": [], "usage": usage})
        yield b"data: [DONE]\n\n"


def _event(content: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(content) + b"\n\n"
