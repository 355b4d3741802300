r"""A batch as its row has it, and as OpenAI's `batch` object.

validating -> in_progress -> finalizing -> completed
          \-> failed     \-> finalizing -> expired       24 hours have passed
validating or in_progress -> cancelling -> cancelled     the caller wished so
"""

import json
from dataclasses import dataclass, fields

from api.batch_shapes import BatchObject, BatchStatus, BatchUsage

OPEN_STATUSES = ("validating", "in_progress", "finalizing", "cancelling")
"""Somebody has to work on it; also how SQL writes a list."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One row. Times are Unix seconds, of the wall clock: they outlive the process."""

    seq: int
    """Order of creation."""
    id: str
    endpoint: str
    input_file_id: str
    metadata: str | None
    """JSON, as `errors` is."""
    output_expires_s: int | None
    status: BatchStatus
    ending: str | None
    """Which status it takes once its output files are written."""
    model: str | None
    errors: str | None
    output_file_id: str | None
    error_file_id: str | None
    created_at: int
    expires_at: int
    in_progress_at: int | None
    finalizing_at: int | None
    completed_at: int | None
    failed_at: int | None
    expired_at: int | None
    cancelling_at: int | None
    cancelled_at: int | None
    num_lines: int
    num_completed: int
    num_failed: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    @property
    def json(self) -> BatchObject:
        """File ids are shown once the files are there."""
        errors = None if self.errors is None else json.loads(self.errors)
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.endpoint,
            "model": self.model,
            "errors": None if errors is None else {"object": "list", "data": errors},
            "input_file_id": self.input_file_id,
            "completion_window": "24h",
            "status": self.status,
            "output_file_id": None if self.is_open else self.output_file_id,
            "error_file_id": None if self.is_open else self.error_file_id,
            "created_at": self.created_at,
            "in_progress_at": self.in_progress_at,
            "expires_at": self.expires_at,
            "finalizing_at": self.finalizing_at,
            "completed_at": self.completed_at,
            "failed_at": self.failed_at,
            "expired_at": self.expired_at,
            "cancelling_at": self.cancelling_at,
            "cancelled_at": self.cancelled_at,
            "request_counts": {
                "total": self.num_lines,
                "completed": self.num_completed,
                "failed": self.num_failed,
            },
            "usage": self._usage,
            "metadata": None if self.metadata is None else json.loads(self.metadata),
        }

    @property
    def _usage(self) -> BatchUsage:
        return {
            "input_tokens": self.input_tokens,
            "input_tokens_details": {"cached_tokens": self.cached_tokens},
            "output_tokens": self.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": self.input_tokens + self.output_tokens,
        }


COLUMNS = ", ".join(field.name for field in fields(Batch))
