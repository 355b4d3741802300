"""`runners.ray:app`: the application that `serve run` and a Serve config file name.

Two deployments. An ingress without a model takes connections, chooses a replica and passes its
answer on; it is there to speak when the replica dies, whose streams would else just end. Replicas
have an engine each, and come and go with the requests under way.
"""

from collections.abc import Mapping
from typing import Any

from bentoml.exceptions import BentoMLException
from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig, RequestRouterConfig

from api.settings import Settings
from models.errors import ModelError
from models.store import resolve_model
from runners.ray.ingress import Ingress
from runners.ray.replica import Replica
from runners.ray.scale import Scale, split_arguments, without_keys

DRAIN_GRACE_S = 30.0
"""For the last bytes, after the service's own deadline has ended the last answer."""

METRICS_INTERVAL_S = 1.0
LOOK_BACK_S = 5.0
"""Ongoing requests are averaged over it. Ray's 30 seconds suit requests of milliseconds, of which
there are many; a generation is under way for seconds."""

MAX_CONNECTED = 100_000
"""In one ingress. Far more than may run and wait, so that whoever is too many comes as far as to be
told so; a proxy in front would have them wait without a word."""

AFFINITY_ROUTER = "ray.serve.experimental.consistent_hash_router:ConsistentHashRouter"
"""By session: see runners/ray/affinity.py for what a session is."""


def app(arguments: Mapping[str, Any]) -> Application:
    """Raises bentoml's InvalidArgument or BentoMLException, before anything is deployed."""
    scale, settings = split_arguments(arguments)
    for name in filter(None, (settings.model, settings.embedding_model, settings.rerank_model)):
        try:
            resolve_model(name)
        except ModelError as error:
            raise BentoMLException(str(error)) from None
    drain_s = settings.request_timeout_s + DRAIN_GRACE_S
    ingress = serve.deployment(
        Ingress,
        name="Ingress",
        num_replicas=scale.ingress_replicas,
        max_ongoing_requests=MAX_CONNECTED,
        ray_actor_options={"num_cpus": 0},  # passes bytes on; a core for it would lie idle
        graceful_shutdown_timeout_s=drain_s,
        max_surge_percent=100,
    )
    settings.key_ring()  # says what is wrong with the keys, if anything
    return ingress.bind(_replicas(scale, without_keys(settings), drain_s), settings)


def _replicas(scale: Scale, settings: Settings, drain_s: float) -> Application:
    deployment = serve.deployment(
        Replica,
        name="Replica",
        max_ongoing_requests=scale.max_ongoing_requests,
        max_queued_requests=scale.max_queued_requests,
        autoscaling_config=AutoscalingConfig(
            min_replicas=scale.min_replicas,
            initial_replicas=scale.min_replicas,
            max_replicas=scale.max_replicas,
            target_ongoing_requests=scale.target_ongoing_requests,
            upscale_delay_s=scale.upscale_delay_s,
            downscale_delay_s=scale.downscale_delay_s,
            metrics_interval_s=METRICS_INTERVAL_S,
            look_back_period_s=LOOK_BACK_S,
        ),
        request_router_config=RequestRouterConfig(request_router_class=AFFINITY_ROUTER),
        ray_actor_options={"num_cpus": scale.replica_cpus, "num_gpus": scale.replica_gpus},
        # one that leaves, in a redeployment or because there is less to do, ends its answers first
        graceful_shutdown_timeout_s=drain_s,
        graceful_shutdown_wait_loop_s=1.0,
        max_constructor_retry_count=3,
    )
    return deployment.bind(settings, scale.replica_cpus)
