"""GET /client: the LangChain client of just this version, and how to install it.

The wheel is built by `make setup` and carried by the bento; a request never builds anything.
"""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from api.errors import NotFoundError

DEFAULT_FOLDER = Path(__file__).parent.parent / "dist"


def client_routes(folder: Path = DEFAULT_FOLDER) -> list[Route]:
    async def how(http: Request) -> Response:
        wheel = _wheel(folder)
        return PlainTextResponse(
            f"pip install {http.base_url}client/{wheel.name}\n\n"
            "from langchain_kamado import ChatKamado\n"
            f'ChatKamado(base_url="{http.base_url}").invoke("Hello!")\n'
        )

    async def download(http: Request) -> Response:
        wheel = _wheel(folder)
        if http.path_params["name"] != wheel.name:
            raise NotFoundError(
                f"the client of this service is {wheel.name}; see /client.", code="unknown_route"
            )
        return FileResponse(wheel, media_type="application/zip")

    return [
        Route("/client", how, methods=["GET"]),
        Route("/client/{name}", download, methods=["GET"]),
    ]


def _wheel(folder: Path) -> Path:
    """The newest. Raises NotFoundError."""
    wheels = sorted(
        folder.glob("langchain_kamado-*.whl"), key=lambda wheel: wheel.stat().st_mtime_ns
    )
    if not wheels:
        raise NotFoundError(
            "this service has no client to hand out. Run `make client` where it is installed, or "
            "before `bentoml build`.",
            code="client_not_built",
        )
    return wheels[-1]
