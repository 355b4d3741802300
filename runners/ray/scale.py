"""How many replicas there are and what each may use: what `serve run runners.ray:app name=value`
takes beside the service's own settings."""

from collections.abc import Mapping
from typing import Any

from bentoml.exceptions import InvalidArgument
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from api.settings import Settings, load_settings

DEFAULT_KV_MEMORY_GB = 1.0
"""Of each replica. Those of one machine start together, and each would take what memory is free."""


class Scale(BaseModel):
    """A replica is one engine: a process with the model's weights and a KV cache of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_replicas: int = Field(default=1, ge=1)
    max_replicas: int = Field(default=1, ge=1)
    target_ongoing_requests: float = Field(default=8, gt=0)
    """Per replica; more of them call for another replica."""
    max_ongoing_requests: int = Field(default=64, ge=1)
    """Per replica. Who would be one more goes to the next replica, or waits for a place."""
    max_queued_requests: int = Field(default=256, ge=1)
    """For a place in any replica, per ingress; who would be one more is told 429."""
    upscale_delay_s: float = Field(default=10, ge=0)
    downscale_delay_s: float = Field(default=300, ge=0)
    replica_cpus: int = Field(default=2, ge=1)
    """Also how many threads compute."""
    replica_gpus: float = Field(default=0, ge=0)
    ingress_replicas: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _check_replicas(self) -> "Scale":
        if self.min_replicas > self.max_replicas:
            raise ValueError(
                f"min_replicas is {self.min_replicas} and max_replicas {self.max_replicas}; raise "
                "max_replicas or lower min_replicas"
            )
        return self


def split_arguments(arguments: Mapping[str, Any]) -> tuple[Scale, Settings]:
    """What belongs to Ray, and the service's settings, for which the environment is read as
    everywhere. Here and not in the replicas: their environment is that of their machine.

    Raises bentoml's InvalidArgument for what is neither.
    """
    ours = {name: value for name, value in arguments.items() if name in Scale.model_fields}
    settings = load_settings({k: v for k, v in arguments.items() if k not in ours})
    if settings.kv_memory_gb is None:
        settings = settings.model_copy(update={"kv_memory_gb": DEFAULT_KV_MEMORY_GB})
    try:
        return Scale(**ours), settings
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        name = ".".join(map(str, fault["loc"]))
        given = f"{name} is {fault['input']!r}: " if name else ""
        raise InvalidArgument(f"{given}{fault['msg']}.") from None


def without_keys(settings: Settings) -> Settings:
    """For processes that nobody but Ray can call."""
    return settings.model_copy(update={"api_keys": None, "api_keys_file": None})
