"""One request to a replica and its answer back, whatever becomes of the replica.

Ray ends a stream whose replica has died as if it were complete. Here it is told: as an event in the
stream, in the form of the route, or as a 503 where nothing had been sent yet.
"""

from typing import Any

from ray.exceptions import RayError
from ray.serve.exceptions import BackPressureError, RayServeException
from ray.serve.handle import DeploymentHandle
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from api.answer import event
from api.disconnect import unless_disconnected
from api.errors import ApiError, OverloadedError, UnavailableError
from api.json_body import media_type, read_body
from api.messages_error import error_body, is_anthropics
from runners.ray.affinity import session_of
from runners.ray.relayed import RelayedRequest

RETRY_S = 1.0
"""Another replica may be there; a new one takes as long as its model takes to load."""

_OWN_HEADERS = (b"x-request-id", b"request-id")
"""Written by the front door of this process; the replica's has written the same."""


class Relay:
    """An ASGI application, to stand behind the front door."""

    def __init__(self, replicas: "DeploymentHandle[Any]", *, max_body_bytes: int) -> None:
        """`replicas`: a streaming handle of `Replica.answer`."""
        self._replicas = replicas
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises ApiError before anything is sent, and ClientDisconnectedError."""
        headers = Headers(scope=scope)
        body = await read_body(headers, receive, self._max_body_bytes)
        replicas = self._replicas.options(session_id=session_of(headers, body))
        answer = RelayedAnswer(scope, send)
        await unless_disconnected(receive, answer.take(replicas, RelayedRequest.of(scope, body)))


class RelayedAnswer:
    """What has been sent of one response decides how its end can be told."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._path = scope["path"]
        self._request_id = Headers(scope=scope).get("x-request-id", "")
        self._send = send
        self._media_type: str | None = None
        """Of the response, once it has begun."""

    async def take(self, replicas: "DeploymentHandle[Any]", request: RelayedRequest) -> None:
        """Cancelled, it ends the generation. Raises ApiError before anything is sent."""
        parts = replicas.remote(request)
        try:
            async for messages in parts:
                for message in messages:
                    await self._pass_on(message)
        except BackPressureError as error:
            raise OverloadedError(
                "all replicas are busy, and as many requests wait as may. Try again later.",
                retry_after_s=RETRY_S,
            ) from error
        except (RayError, RayServeException) as error:
            await self._tell(
                UnavailableError(
                    "the replica that answered is gone, and the answer with it. Ask again.",
                    retry_after_s=RETRY_S,
                ),
                error,
            )
        except BaseException:  # the caller has hung up: nothing else ends the work
            parts.cancel()
            raise

    async def _pass_on(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [pair for pair in message["headers"] if pair[0] not in _OWN_HEADERS]
            message = {**message, "headers": headers}
            self._media_type = media_type(Headers(raw=headers))
        await self._send(message)

    async def _tell(self, failure: ApiError, cause: Exception) -> None:
        """Raises `failure` where it can be the response; else it is the stream's last word."""
        match self._media_type:
            case "text/event-stream" if is_anthropics(self._path):
                told = b"event: error\ndata: %b\n\n" % error_body(failure, self._request_id)
            case "text/event-stream":
                told = event(failure.body)
            case "application/x-ndjson":
                told = failure.body + b"\n"
            case _:
                raise failure from cause
        await self._send({"type": "http.response.body", "body": told, "more_body": False})
