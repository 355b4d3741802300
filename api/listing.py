"""A page of a list, in OpenAI's shape, and the query that asks for one."""

from collections.abc import Sequence
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from typing_extensions import TypedDict

from api.json_body import validated


class QueryFields(BaseModel):
    """The base of what stands behind a URL's question mark: numbers are spelt there."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Query = TypeVar("Query", bound=QueryFields)


def read_query(request: Request, model: type[Query]) -> Query:
    """Raises InvalidRequestError naming the parameter at fault."""
    return validated(dict(request.query_params), model)


Listed = TypeVar("Listed")


class Page(TypedDict, Generic[Listed]):
    """The first and the last id are the cursors of the pages before and after."""

    object: Literal["list"]
    data: list[Listed]
    first_id: str | None
    last_id: str | None
    has_more: bool


def list_json(items: Sequence[Any], *, has_more: bool) -> Page[Any]:
    """`items` have ids."""
    return {
        "object": "list",
        "data": [*items],
        "first_id": items[0]["id"] if items else None,
        "last_id": items[-1]["id"] if items else None,
        "has_more": has_more,
    }
