"""One method of one route, as the OpenAPI document tells of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel

from api.answer import Json

MODEL = "pocket"
"""What examples call the model, until a document is made for another."""


@dataclass(frozen=True, slots=True)
class Operation:
    """`method` and `path` are those of the Starlette route."""

    method: str
    path: str
    tag: str
    summary: str
    requests: tuple[type[BaseModel], ...] = ()
    """Of a JSON body: one of these."""
    examples: Mapping[str, Json] = field(default_factory=dict)
    """Names -> JSON bodies. Each can be sent as it is."""
    query: type[BaseModel] | None = None
    uploads: Mapping[str, str] = field(default_factory=dict)
    """Fields of a multipart form -> what they are; in place of `requests`."""
    takes_text: bool = False
    """Also text/plain, with the request's other fields in the query."""
    answers: tuple[str, ...] = ("application/json",)
    """Media types."""
    model: Literal["generating", "embedding", "ranking"] = "generating"
    """Which one its examples name."""

    @property
    def path_parameters(self) -> list[str]:
        """The path's names in braces, without Starlette's converters."""
        names = [part.partition("}")[0] for part in self.path.split("{")[1:]]
        return [name.partition(":")[0] for name in names]

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it."""
        return self.path.replace(":path}", "}")
