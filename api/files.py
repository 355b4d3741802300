"""/v1/files, in OpenAI's shape: what batches read and what they leave."""

from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from typing_extensions import TypedDict

from api.file_store import FileStore
from api.json_response import json_response
from api.listing import Page, QueryFields, list_json, read_query
from api.stored_file import FileObject, FileQuery
from api.upload import read_upload


class FilesQuery(QueryFields):
    after: str | None = None
    limit: int = Field(default=10_000, ge=1, le=10_000)
    order: Literal["asc", "desc"] = "desc"
    purpose: str | None = None


class Files(Page[FileObject]):
    """A page of the list."""


class DeletedFile(TypedDict):
    id: str
    object: Literal["file"]
    deleted: bool


def file_routes(files: FileStore, *, max_file_bytes: int) -> list[Route]:
    async def create(request: Request) -> Response:
        upload = await read_upload(request, max_file_bytes)
        try:
            file = await files.upload(upload.file.file, upload.filename, upload.expires_s)
        finally:
            await upload.file.close()
        return json_response(file.json)

    async def list_files(request: Request) -> Response:
        query = read_query(request, FilesQuery)
        page, has_more = await files.page(FileQuery(**query.model_dump()))
        return json_response(list_json([file.json for file in page], has_more=has_more))

    async def get(request: Request) -> Response:
        return json_response((await files.get(request.path_params["file_id"])).json)

    async def content(request: Request) -> Response:
        file = await files.get(request.path_params["file_id"])
        return FileResponse(files.folder.path(file.id), media_type="application/octet-stream")

    async def delete(request: Request) -> Response:
        file_id = request.path_params["file_id"]
        await files.delete(file_id)
        deleted: DeletedFile = {"id": file_id, "object": "file", "deleted": True}
        return json_response(deleted)

    return [
        Route("/v1/files", create, methods=["POST"]),
        Route("/v1/files", list_files, methods=["GET"]),
        Route("/v1/files/{file_id}", get, methods=["GET"]),
        Route("/v1/files/{file_id}", delete, methods=["DELETE"]),
        Route("/v1/files/{file_id}/content", content, methods=["GET"]),
    ]
