"""One engine on Ray Serve: the HTTP application without a socket, called by the ingress."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.types import Message

from api.metrics import Metrics
from api.service_app import DirectForwards, service_app
from api.settings import Settings
from runners.ray.granted_serving import GrantedServing
from runners.ray.relayed import RelayedRequest

Outbox = asyncio.Queue[Message | None]
"""What the application has sent; None is its end."""


class Replica:
    """Ray makes it, calls it, and counts what is under way."""

    _granted: GrantedServing | None = None

    def __init__(self, settings: Settings, num_cpus: int) -> None:
        """Blocks until the model is loaded. Raises RuntimeError where it cannot be."""
        self._granted = GrantedServing(settings, num_cpus)
        serving = self._granted.serving
        metrics = Metrics(serving.served.engine_stats)
        # without what is kept: it would belong to one replica of many
        self._app = service_app(serving, settings, metrics, DirectForwards(serving))

    def check_health(self) -> None:
        """Asked by Ray, which replaces a replica that raises."""
        if self._granted is not None:
            self._granted.check()

    async def answer(self, request: RelayedRequest) -> AsyncIterator[list[Message]]:
        """The application's response: as many messages of ASGI as have come together, for each
        trip between processes costs. Cancelled, it ends the generation."""
        outbox: Outbox = asyncio.Queue()
        answering = asyncio.create_task(self._answer(request, outbox))
        answering.add_done_callback(lambda _: outbox.put_nowait(None))
        try:
            is_over = False
            while not is_over:
                together = [await outbox.get()]
                while not outbox.empty():
                    together.append(outbox.get_nowait())
                is_over = together[-1] is None
                if messages := [message for message in together if message is not None]:
                    yield messages
            await answering
        finally:
            answering.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await answering

    async def _answer(self, request: RelayedRequest, outbox: Outbox) -> None:
        unread: list[Message] = [{"type": "http.request", "body": request.body}]

        async def receive() -> Message:
            if not unread:  # a caller who hangs up cancels the whole call instead
                await asyncio.get_running_loop().create_future()
            return unread.pop()

        await self._app(request.scope, receive, outbox.put)

    def __del__(self) -> None:
        if self._granted is not None:
            self._granted.close()
