"""GET /docs.json, the OpenAPI document; and GET /docs, which shows it.

The page takes Swagger UI's files from the BentoML installation. BentoML's own page would do, if it
did not call a tag manager on the internet. Swagger UI itself can show a validator's badge from
there, and is told not to.
"""

from functools import cache, partial
from pathlib import Path

import bentoml
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from api.errors import NotFoundError
from api.json_response import json_response
from api.openapi_document import openapi_document

FILES = Path(bentoml.__file__).parent / "_internal" / "server" / "static_content"
SHOWN_FILES = ("swagger-ui.css", "swagger-ui-bundle.js")
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Kamado</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script>
SwaggerUIBundle({url: "docs.json", dom_id: "#docs", deepLinking: true, validatorUrl: null})
</script>
</body>
</html>
"""


def openapi_routes(generating: str, *, embedding: str, ranking: str) -> list[Route]:
    """The models' names are those that the examples are written with."""
    # Made when it is first asked for: it takes a tenth of a second, of every start.
    document = cache(partial(openapi_document, generating, embedding=embedding, ranking=ranking))

    async def show(http: Request) -> Response:
        return HTMLResponse(PAGE)

    async def get(http: Request) -> Response:
        return json_response(document())

    async def get_file(http: Request) -> Response:
        name = http.path_params["name"]
        if name not in SHOWN_FILES:
            raise NotFoundError(f"there is no {name!r:.100} beside the documentation.")
        return FileResponse(FILES / name)

    return [
        Route("/docs", show, methods=["GET"]),
        Route("/docs.json", get, methods=["GET"]),
        Route("/docs/{name}", get_file, methods=["GET"]),
    ]
