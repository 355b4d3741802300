"""A page of a list, in OpenAI's shape, and the query that asks for one."""

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request

from api.json_body import validated


class QueryFields(BaseModel):
    """The base of what stands behind a URL's question mark: numbers are spelt there."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Query = TypeVar("Query", bound=QueryFields)


def read_query(request: Request, model: type[Query]) -> Query:
    """Raises InvalidRequestError naming the parameter at fault."""
    return validated(dict(request.query_params), model)


def list_json(items: Sequence[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    """`items` have ids, which are the cursors of the pages before and after."""
    return {
        "object": "list",
        "data": items,
        "first_id": items[0]["id"] if items else None,
        "last_id": items[-1]["id"] if items else None,
        "has_more": has_more,
    }
