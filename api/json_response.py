"""A route's answer as JSON."""

from collections.abc import Mapping

import orjson
from starlette.responses import Response


def json_response(body: Mapping[str, object]) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
