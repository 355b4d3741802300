"""One method of one route, as the OpenAPI document tells of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from api.answer import Json
from api.messages_error import is_anthropics

JSON = "application/json"
EVENTS = "text/event-stream"
TEXT = "text/plain"

MODEL = "pocket"
"""What examples call the model, until a document is made for another."""


@dataclass(frozen=True, slots=True)
class Operation:
    """`method` and `path` are those of the Starlette route."""

    method: str
    path: str
    tag: str
    summary: str
    answers: Mapping[str, Any]
    """Media types -> the types of their answers; of a stream, those of an event's data; of NDJSON,
    a line's."""
    requests: tuple[type[BaseModel], ...] = ()
    """Of a JSON body: one of these."""
    examples: Mapping[str, Json] = field(default_factory=dict)
    """Names -> JSON bodies. Each can be sent as it is."""
    query: type[BaseModel] | None = None
    uploads: Mapping[str, str] = field(default_factory=dict)
    """Fields of a multipart form -> what they are; in place of `requests`."""
    text_example: str | None = None
    """Also takes text/plain, such as this, with the request's other fields in the query."""
    model: Literal["generating", "embedding", "ranking"] = "generating"
    """Which one its examples name."""

    @property
    def reads_body(self) -> bool:
        return bool(self.requests or self.uploads)

    @property
    def names_model(self) -> bool:
        """Whether its requests say which model is asked, and so wait for one."""
        return any("model" in request.model_fields for request in self.requests)

    @property
    def is_anthropics(self) -> bool:
        return is_anthropics(self.path)

    @property
    def path_parameters(self) -> list[str]:
        """The path's names in braces, without Starlette's converters."""
        names = [part.partition("}")[0] for part in self.path.split("{")[1:]]
        return [name.partition(":")[0] for name in names]

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it."""
        return self.path.replace(":path}", "}")
