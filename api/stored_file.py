"""What is known of a file beside its bytes, and which of them a caller wants listed."""

from dataclasses import dataclass
from typing import Literal

from typing_extensions import TypedDict


class FileObject(TypedDict):
    """OpenAI's `file`."""

    id: str
    object: Literal["file"]
    bytes: int
    created_at: int
    expires_at: int | None
    filename: str
    purpose: str
    status: Literal["processed"]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One row. Times are Unix seconds, of the wall clock: they outlive the process."""

    id: str
    purpose: str
    filename: str
    num_bytes: int
    created_at: int
    expires_at: int | None

    @property
    def json(self) -> FileObject:
        return {
            "id": self.id,
            "object": "file",
            "bytes": self.num_bytes,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
        }


@dataclass(frozen=True, slots=True)
class FileQuery:
    """A page of the list: those behind the file `after`, if given."""

    after: str | None = None
    limit: int = 10_000
    order: Literal["asc", "desc"] = "desc"
    purpose: str | None = None
