"""The routes of files and batches."""

from api.batch_shapes import BatchObject
from api.batches import Batches, BatchesQuery, BatchRequest
from api.files import DeletedFile, Files, FilesQuery
from api.operation import JSON, Operation
from api.stored_file import FileObject

BATCHES = [
    Operation(
        "POST",
        "/v1/files",
        "OpenAI",
        "Upload the lines of a batch",
        {JSON: FileObject},
        uploads={
            "file": "JSONL, a request per line",
            "purpose": "batch",
            "expires_after[anchor]": "created_at",
            "expires_after[seconds]": "3600 to 2592000",
        },
    ),
    Operation(
        "GET",
        "/v1/files",
        "OpenAI",
        "The files that are kept",
        {JSON: Files},
        query=FilesQuery,
    ),
    Operation("GET", "/v1/files/{file_id}", "OpenAI", "A file's name and size", {JSON: FileObject}),
    Operation("DELETE", "/v1/files/{file_id}", "OpenAI", "Delete a file", {JSON: DeletedFile}),
    Operation(
        "GET",
        "/v1/files/{file_id}/content",
        "OpenAI",
        "What a file holds",
        {"application/octet-stream": bytes},
    ),
    Operation(
        "POST",
        "/v1/batches",
        "OpenAI",
        "Answer a file of requests when there is time",
        {JSON: BatchObject},
        (BatchRequest,),
        {
            "chat": {
                "input_file_id": "file-...",
                "endpoint": "/v1/chat/completions",
                "completion_window": "24h",
            }
        },
    ),
    Operation(
        "GET",
        "/v1/batches",
        "OpenAI",
        "The batches that are kept",
        {JSON: Batches},
        query=BatchesQuery,
    ),
    Operation("GET", "/v1/batches/{batch_id}", "OpenAI", "How far a batch is", {JSON: BatchObject}),
    Operation(
        "POST", "/v1/batches/{batch_id}/cancel", "OpenAI", "Cancel a batch", {JSON: BatchObject}
    ),
]
