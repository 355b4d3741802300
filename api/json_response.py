"""A route's answer as JSON."""

from typing import Any

import orjson
from starlette.responses import Response


def json_response(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
