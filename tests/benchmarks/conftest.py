"""A server of OpenAI's shape on a real socket, which answers what the test tells it to."""

import asyncio
import json
import threading
import time

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route


class FakeServer:
    """Streams one event per text, `gap_s` apart; then usage, then [DONE]."""

    def __init__(self):
        self.bodies = []
        self.texts = ["a", "b", "c"]
        self.gap_s = 0.0
        self.usage = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
        self.status = 200
        self.extra_event = None
        self.num_open = 0
        self.most_open = 0
        self.base_url = ""

    async def answer(self, request):
        self.bodies.append(await request.json())
        if self.status != 200:
            return JSONResponse({"error": {"message": "too busy"}}, self.status)
        is_chat = request.url.path.endswith("chat/completions")
        texts = self.texts[: self.bodies[-1].get("max_tokens")]
        return StreamingResponse(self._events(is_chat, texts), media_type="text/event-stream")

    async def _events(self, is_chat, texts):
        self.num_open += 1
        self.most_open = max(self.most_open, self.num_open)
        if is_chat:
            yield self._event({"choices": [{"index": 0, "delta": {"role": "assistant"}}]})
        for text in texts:
            await asyncio.sleep(self.gap_s)
            choice = {"delta": {"content": text}} if is_chat else {"text": text}
            yield self._event({"choices": [{"index": 0, **choice}]})
        if self.extra_event is not None:
            yield f"data: {self.extra_event}\n\n"
        yield self._event({"choices": [], "usage": self.usage})
        yield "data: [DONE]\n\n"
        self.num_open -= 1

    def _event(self, content):
        return f"data: {json.dumps(content)}\n\n"


@pytest.fixture
def server():
    fake = FakeServer()
    paths = ("/v1/completions", "/v1/chat/completions")
    app = Starlette(routes=[Route(path, fake.answer, methods=["POST"]) for path in paths])
    config = uvicorn.Config(app, port=0, log_level="error", lifespan="off", ws="none")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    port = running.servers[0].sockets[0].getsockname()[1]
    fake.base_url = f"http://127.0.0.1:{port}"
    yield fake
    running.should_exit = True
    thread.join()
