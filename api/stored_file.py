"""What is known of a file beside its bytes, and which of them a caller wants listed."""

from dataclasses import asdict, dataclass
from typing import Any, Literal


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
    def json(self) -> dict[str, Any]:
        """OpenAI's `file` object."""
        fields = asdict(self)
        size = fields.pop("num_bytes")
        return {"object": "file", "bytes": size, **fields, "status": "processed"}


@dataclass(frozen=True, slots=True)
class FileQuery:
    """A page of the list: those behind the file `after`, if given."""

    after: str | None = None
    limit: int = 10_000
    order: Literal["asc", "desc"] = "desc"
    purpose: str | None = None
