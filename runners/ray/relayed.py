"""One HTTP request as it travels from the ingress to a replica: read whole, within the limits."""

from dataclasses import dataclass

from starlette.types import Scope

_SECRETS = (b"authorization", b"x-api-key", b"cookie")


@dataclass(frozen=True, slots=True)
class RelayedRequest:
    method: str
    path: str
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @classmethod
    def of(cls, scope: Scope, body: bytes) -> "RelayedRequest":
        """Without its key, which has been looked at."""
        headers = tuple(pair for pair in scope["headers"] if pair[0] not in _SECRETS)
        return cls(scope["method"], scope["path"], scope["query_string"], headers, body)

    @property
    def scope(self) -> Scope:
        """What an ASGI application is called with."""
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": "http",
            "path": self.path,
            "raw_path": self.path.encode(),
            "root_path": "",
            "query_string": self.query,
            "headers": list(self.headers),
            "client": None,
            "server": None,
        }
