import bentoml
from bentoml._internal.server.http.instruments import RunnerTrafficMetricsMiddleware
from bentoml._internal.server.http.traffic import TimeoutMiddleware
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

from api.adaptive_batching import BatchedService


def test_what_grows_with_every_request_or_chunk_is_gone():
    class Tiny:
        pass

    app = bentoml.service(service_class=BatchedService)(Tiny).to_asgi()
    kept = {middleware.cls: middleware.kwargs for middleware in app.user_middleware}
    assert not {RunnerTrafficMetricsMiddleware, TimeoutMiddleware} & set(kept)
    assert kept[OpenTelemetryMiddleware]["exclude_spans"] == ["receive", "send"]
