"""What clients connect to: passes each request to the replica that has its beginning in the cache,
and that replica's answer back. Knows HTTP and errors, and nothing of models."""

from typing import Any

from ray import serve
from ray.serve.handle import DeploymentHandle
from starlette.requests import Request
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import NotFoundError
from api.front_door import FrontDoor
from api.key_gate import KeyGate
from api.metrics import Metrics
from api.settings import Settings
from runners.ray.logs import show_logs
from runners.ray.relay import Relay


@serve.ingress()
class Ingress:
    """Ray Serve makes it, and has it build the application in the process that is to serve."""

    def __init__(self, replicas: "DeploymentHandle[Any]", settings: Settings) -> None:
        show_logs()
        self._replicas = replicas.options(method_name="answer", stream=True)
        self._max_body_bytes = int(settings.max_body_mb * 2**20)
        self._keys = settings.key_ring()

    def __serve_build_asgi_app__(self) -> ASGIApp:
        relay = Relay(self._replicas, max_body_bytes=self._max_body_bytes)
        metrics = Metrics(lambda: None)
        # the router answers the server's start and stop, and leaves other requests to the relay
        router = Router([Route("/v1/requests/cancel", _refuse_cancel)], default=relay)
        front_door = FrontDoor(router, metrics)
        gate = KeyGate(front_door, keys=self._keys, metrics=metrics, open_metrics=False)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            async def send_unnamed(message: Message) -> None:
                """Ray Serve writes the request's id into the answer, too."""
                if message["type"] == "http.response.start":
                    kept = [pair for pair in message["headers"] if pair[0] != b"x-request-id"]
                    message = {**message, "headers": kept}
                await send(message)

            await gate(scope, receive, send_unnamed)

        return app


async def _refuse_cancel(request: Request) -> None:
    raise NotFoundError(
        "requests cannot be cancelled by their id here, where many processes answer. Hang up.",
        code="unsupported_route",
    )
