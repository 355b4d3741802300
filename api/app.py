"""The HTTP application: routes behind the front door. BentoML mounts it; anything ASGI can."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp

from api.cancel import cancel_routes
from api.chat_batch import ChatBatch
from api.client_wheel import client_routes
from api.completions import Completions
from api.delivery import DeliveryLimits
from api.front_door import FrontDoor
from api.generator import Generator
from api.long_text import LongText
from api.messages import Messages
from api.metrics import Metrics
from api.models import model_routes
from api.preset_routes import Presets
from api.running_requests import RunningRequests
from api.served_model import ServedModel
from api.tokenization import Tokenization


@dataclass(frozen=True, slots=True)
class HttpLimits:
    max_body_bytes: int = 4 * 1024 * 1024
    delivery: DeliveryLimits = field(default_factory=DeliveryLimits)


def create_app(
    served: ServedModel,
    metrics: Metrics,
    limits: HttpLimits = HttpLimits(),
    *,
    more_routes: Iterable[BaseRoute] = (),
    more_models: Iterable[str] = (),
) -> ASGIApp:
    """`more_models`: names to list beside the one that generates."""
    generator = Generator(served, metrics)
    completions = Completions(
        generator, max_body_bytes=limits.max_body_bytes, limits=limits.delivery
    )
    chat_batch = ChatBatch(
        served, generator, max_body_bytes=limits.max_body_bytes, limits=limits.delivery
    )
    tokenization = Tokenization(served, generator, max_body_bytes=limits.max_body_bytes)
    presets = Presets(
        served,
        LongText(served, generator, limits.delivery),
        max_body_bytes=limits.max_body_bytes,
    )
    messages = Messages(generator, max_body_bytes=limits.max_body_bytes, limits=limits.delivery)
    running = RunningRequests()
    router = Router(
        [
            Route("/v1/chat/completions", completions.chat, methods=["POST"]),
            Route("/v1/chat/completions/batch", chat_batch.batch, methods=["POST"]),
            Route("/v1/completions", completions.text, methods=["POST"]),
            *cancel_routes(running, max_body_bytes=limits.max_body_bytes),
            *client_routes(),
            *messages.routes,
            *presets.routes,
            *model_routes(served, *more_models),
            *tokenization.routes,
            *more_routes,
        ],
        redirect_slashes=False,
    )
    return FrontDoor(router, metrics, running)
