"""BentoML's adaptive batching, within reach of the application that is mounted beside it.

BentoML merges concurrent calls of a `@bentoml.api(batchable=True)` method, but only calls that
arrive over HTTP on the method's own route. Its own in-process way (`self.method(...)`, a client
over an ASGI transport) writes every vector as JSON, reads it back, passes all middlewares again
without the caller's key, and hides which error occurred. The dispatcher itself hangs on the
`ServiceAppFactory` that `Service.to_asgi` makes and forgets. `service_class` is BentoML's parameter
for a Service of one's own; this one keeps the factory: same dispatcher, same regression, same
`adaptive_batch_size` histogram.

The method's own HTTP route is withdrawn: its rows arrive unchecked, a bad one would fail the whole
batch that it was merged into, and no key guards it.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from _bentoml_sdk import Service
from bentoml.exceptions import ServiceUnavailable
from starlette.routing import Route

from api.errors import OverloadedError
from api.middlewares import trim_middlewares

if TYPE_CHECKING:
    from _bentoml_impl.server.app import ServiceAppFactory

Row = TypeVar("Row")


class BatchedService(Service[Any]):  # type: ignore[misc]  # BentoML is not typed
    """Use as `@bentoml.service(service_class=BatchedService)`."""

    _factory: "ServiceAppFactory | None" = None

    def to_asgi(self, is_main: bool = True) -> Any:
        """BentoML's own body, but the factory is kept and the batchable routes are not."""
        # 0.2 s, which only the worker needs.
        from _bentoml_impl.server.app import ServiceAppFactory

        self.inject_config()
        self._factory = ServiceAppFactory(self, is_main=is_main)
        app = self._factory()
        withdrawn = {name for name, method in self.apis.items() if method.batchable}
        app.router.routes[:] = [
            route
            for route in app.router.routes
            if not (isinstance(route, Route) and route.name in withdrawn)
        ]
        trim_middlewares(app)
        return app

    async def batched(self, method: str, rows: Sequence[Row]) -> list[Any]:
        """One result per row of `method(list of rows) -> list of results`, merged with whoever else
        calls it.

        Rows go in one by one, so that the dispatcher's regression of time over batch size counts
        rows, and a wave of at most one full batch at a time, so that a large request queues behind
        small ones as they do behind it. Raises OverloadedError when the dispatcher expects to miss
        the method's max_latency_ms.
        """
        assert self._factory is not None, "called before the application was made"
        api = self.apis[method]
        results: list[Any] = []
        for start in range(0, len(rows), api.max_batch_size):
            wave = rows[start : start + api.max_batch_size]
            calls = [self._factory.batch_infer(method, ([row],), {}) for row in wave]
            # return_exceptions: the dispatcher answers a cancellation with its own error, which
            # would otherwise take the place of the cancellation
            for answer in await asyncio.gather(*calls, return_exceptions=True):
                if isinstance(answer, ServiceUnavailable):
                    raise _overloaded(method, api.max_latency_ms) from answer
                if isinstance(answer, BaseException):
                    raise answer
                results.extend(answer)
        return results


class MergedForwards:
    """`SingleForwards` whose rows go with whoever else's are there: by name, the batchable methods
    of the service."""

    def __init__(self, service: Callable[[], BatchedService]) -> None:
        """`service`: it is made after the application that calls it."""
        self._service = service

    async def embed_rows(self, rows: Sequence[Any]) -> list[Any]:
        return await self._service().batched("embed_rows", rows)

    async def score_rows(self, rows: Sequence[Any]) -> list[Any]:
        return await self._service().batched("score_rows", rows)

    async def score_pairs(self, rows: Sequence[Any]) -> list[Any]:
        return await self._service().batched("score_pairs", rows)


def _overloaded(method: str, max_latency_ms: int) -> OverloadedError:
    """The dispatcher drops a row that would wait longer than its limit, so by then the queue has
    been served or dropped."""
    limit_s = max_latency_ms / 1000
    return OverloadedError(
        f"{method} is too busy to answer within {limit_s:g} seconds; try again later.",
        retry_after_s=limit_s,
    )
