"""Where the server is and how patiently it is asked: the fields that all classes here share."""

from langchain_core.utils import from_env, secret_from_env
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from langchain_kamado.connection import Connection

DEFAULT_BASE_URL = "http://127.0.0.1:3000"


class ServerFields(BaseModel):
    """Nothing is sent before the first call. An unknown field is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    model: str = "pocket"
    """As the server names it."""
    base_url: str = Field(
        default_factory=from_env("KAMADO_BASE_URL", default=DEFAULT_BASE_URL),
        pattern="^https?://.",
        validate_default=True,
    )
    """With or without /v1 at its end; KAMADO_BASE_URL if not given."""
    api_key: SecretStr | None = Field(
        default_factory=secret_from_env("KAMADO_API_KEY", default=None)
    )
    """Only a server that asks for keys needs one; KAMADO_API_KEY if not given."""
    timeout: float | None = Field(default=600.0, gt=0)
    """Seconds for a whole answer, retries included, looked at whenever something arrives; a server
    that falls silent is given as long once more. None: no limit of our own."""
    max_retries: int = Field(default=2, ge=0)
    """After the first attempt: when the server cannot be reached, and at 408, 409, 429 and 5xx."""

    @property
    def connection(self) -> Connection:
        root = self.base_url.rstrip("/").removesuffix("/v1")
        return Connection(root, self.api_key, self.timeout, self.max_retries)
