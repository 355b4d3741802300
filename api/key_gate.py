"""The one way into a service that has API keys: an ASGI middleware before all routes, BentoML's own
included. What is not on the list of open paths needs a key, whether there is such a route or not.
"""

import logging
from collections.abc import Iterator

import uvicorn
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.caller import caller
from api.errors import UnauthorizedError
from api.front_door import FrontDoor
from api.key_ring import KeyRing
from api.metrics import Metrics
from api.uvicorn_server import public_addresses

logger = logging.getLogger("kamado.api")

PROBES = {"/livez", "/readyz", "/healthz"}
"""Those who probe have no keys."""
METRICS = "/metrics"
PUBLISHED = ("/docs", "/docs.json", "/client")
"""The same for everybody: a browser and pip, who come for them, send no keys."""
_WITHIN_PUBLISHED = tuple(f"{path}/" for path in PUBLISHED)


class KeyGate:
    def __init__(
        self, app: ASGIApp, *, keys: KeyRing, metrics: Metrics, open_metrics: bool
    ) -> None:
        self._app = app
        self._keys = keys
        self._metrics = metrics
        self._open = {*PROBES, *PUBLISHED, *((METRICS,) if open_metrics else ())}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._keys.is_open or self._is_open(scope):
            await self._app(scope, receive, send)
            return
        try:
            name = self._name(Headers(scope=scope))
        except UnauthorizedError as error:
            await FrontDoor(_raising(error), self._metrics)(scope, receive, send)
            return
        token = caller.set(name)
        try:
            await self._app(scope, receive, send)
        finally:
            caller.reset(token)

    def _is_open(self, scope: Scope) -> bool:
        path: str = scope["path"]
        return path in self._open or path.startswith(_WITHIN_PUBLISHED)

    def _name(self, headers: Headers) -> str:
        """Of the first key that is one. Raises UnauthorizedError."""
        given = [*_given(headers)]
        for key in given:
            if (name := self._keys.name_of(key)) is not None:
                return name
        if given:
            raise UnauthorizedError("the API key is none of those that this service takes.")
        raise UnauthorizedError(
            "no API key was given. Send it in the header 'Authorization: Bearer KEY', or in "
            "'x-api-key: KEY'."
        )


def _given(headers: Headers) -> Iterator[bytes]:
    """As OpenAI's clients send it, and as Anthropic's do."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key.strip():
        yield key.strip().encode("latin-1")
    if key := headers.get("x-api-key", "").strip():
        yield key.encode("latin-1")


def _raising(error: UnauthorizedError) -> ASGIApp:
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    return refuse


async def warn_if_open(server: uvicorn.Server, keys: KeyRing) -> None:
    """Says so where the service listens beyond this machine, for anybody."""
    if keys.is_open and (reached := await public_addresses(server)):
        logger.warning(
            "no API keys are set: whoever reaches %s may use this service. Set api_keys_file or "
            "KAMADO_API_KEYS, or listen on 127.0.0.1.",
            " or ".join(reached),
        )
