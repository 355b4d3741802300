"""One line of a batch, in OpenAI's form: what it asks for, and what came of it.

    {"custom_id": "a", "method": "POST", "url": "/v1/completions", "body": {...}}
    {"id", "custom_id": "a", "response": {"status_code", "request_id", "body"}, "error": null}

Looks only at what every line has; the body is checked by the route it is for.
"""

import uuid
from dataclasses import dataclass
from typing import Any

import jiter
import orjson

from runners.errors import BatchLineError

GENERATING_URLS = ("/v1/chat/completions", "/v1/completions")
URLS = (*GENERATING_URLS, "/v1/embeddings")

MAX_CUSTOM_ID_CHARS = 512
_FIELDS = {"custom_id", "method", "url", "body"}


@dataclass(frozen=True, slots=True)
class BatchLine:
    custom_id: str
    url: str
    body: dict[str, Any]

    @classmethod
    def parse(cls, written: bytes) -> "BatchLine":
        """Raises BatchLineError."""
        try:
            line = jiter.from_json(written, catch_duplicate_keys=True, allow_inf_nan=False)
        except ValueError as error:
            raise BatchLineError(f"not valid JSON: {error}.", code="invalid_json_line") from None
        if not isinstance(line, dict):
            raise BatchLineError("a line must be a JSON object.", code="invalid_json_line")
        for field in sorted(_FIELDS - line.keys()):
            raise BatchLineError(
                f"the field {field!r} is required.", field, "missing_required_parameter"
            )
        for field in sorted(line.keys() - _FIELDS):
            raise BatchLineError(
                f"unknown field {field!r:.80}; a line has custom_id, method, url and body.",
                field,
                "unknown_parameter",
            )
        _check_custom_id(line["custom_id"])
        if line["method"] != "POST":
            raise BatchLineError(
                f"method is {line['method']!r:.40}; it must be 'POST'.", "method", "invalid_method"
            )
        if line["url"] not in URLS:
            raise BatchLineError(
                f"url is {line['url']!r:.80}; a batch takes {', '.join(URLS)}.",
                "url",
                "invalid_url",
            )
        if not isinstance(line["body"], dict):
            raise BatchLineError("body must be a JSON object.", "body")
        return cls(line["custom_id"], line["url"], line["body"])

    @property
    def generates(self) -> bool:
        return self.url in GENERATING_URLS


@dataclass(frozen=True, slots=True)
class TokenCounts:
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """What the route answered to one line."""

    custom_id: str
    status_code: int
    request_id: str
    body: dict[str, Any]

    @property
    def succeeded(self) -> bool:
        return self.status_code == 200

    @property
    def tokens(self) -> TokenCounts:
        usage = self.body.get("usage") or {}
        details = usage.get("prompt_tokens_details") or {}
        return TokenCounts(
            usage.get("prompt_tokens", 0),
            details.get("cached_tokens", 0),
            usage.get("completion_tokens", 0),
        )

    def written(self) -> bytes:
        """One line of an output file, newline included."""
        response = {
            "status_code": self.status_code,
            "request_id": self.request_id,
            "body": self.body,
        }
        return _output_line(self.custom_id, response, None)


def unanswered(custom_id: str, code: str, message: str) -> bytes:
    """The output line of one that was never run."""
    return _output_line(custom_id, None, {"code": code, "message": message})


def _output_line(
    custom_id: str, response: dict[str, Any] | None, error: dict[str, str] | None
) -> bytes:
    line = {
        "id": f"batch_req_{uuid.uuid4().hex}",
        "custom_id": custom_id,
        "response": response,
        "error": error,
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _check_custom_id(custom_id: object) -> None:
    if not isinstance(custom_id, str) or not 1 <= len(custom_id) <= MAX_CUSTOM_ID_CHARS:
        raise BatchLineError(
            f"custom_id is {custom_id!r:.80}; it must be a string of 1 to {MAX_CUSTOM_ID_CHARS} "
            "characters.",
            "custom_id",
        )
