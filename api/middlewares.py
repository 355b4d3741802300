"""BentoML's own middlewares, cut down to what a public port and a stream of chunks can bear."""

from bentoml._internal.server.http.instruments import RunnerTrafficMetricsMiddleware
from bentoml._internal.server.http.traffic import TimeoutMiddleware
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from starlette.applications import Starlette

_DROPPED: tuple[object, ...] = (
    # makes a metric's label of every path that anybody ever asks for: a scanner fills the memory
    RunnerTrafficMetricsMiddleware,
    # keeps every request's context, span included, until its timeout has passed: at 100 requests
    # a second and ten minutes, 60,000 of them. Deadlines are kept in api/delivery.py.
    TimeoutMiddleware,
)


def trim_middlewares(app: Starlette) -> None:
    """Before the first request. Tracing keeps its span for each request, but not for each chunk of
    an answer, which would take as long as all the rest of sending it."""
    kept = [middleware for middleware in app.user_middleware if middleware.cls not in _DROPPED]
    for middleware in kept:
        cls: object = middleware.cls
        if cls is OpenTelemetryMiddleware:
            middleware.kwargs["exclude_spans"] = ["receive", "send"]
    app.user_middleware[:] = kept
