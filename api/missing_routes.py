"""What is said of a route that is not there: of those that clients of OpenAI's and Anthropic's APIs
may ask for, that they are not supported here."""

from api.errors import NotFoundError

UNSUPPORTED = {
    "/v1/assistants": "the Assistants API",
    "/v1/audio": "audio",
    "/v1/chatkit": "ChatKit",
    "/v1/complete": "Anthropic's text completions",
    "/v1/containers": "code in containers",
    "/v1/conversations": "the Conversations API",
    "/v1/edits": "edits",
    "/v1/evals": "evals",
    "/v1/fine_tuning": "fine-tuning",
    "/v1/fine-tunes": "fine-tuning",
    "/v1/images": "images",
    "/v1/messages/batches": "Anthropic's message batches",
    "/v1/moderations": "moderation",
    "/v1/organization": "administration",
    "/v1/realtime": "the Realtime API",
    "/v1/responses/compact": "compaction",
    "/v1/skills": "skills",
    "/v1/threads": "the Assistants API",
    "/v1/uploads": "uploads in parts",
    "/v1/vector_stores": "vector stores",
    "/v1/videos": "videos",
}
"""Where their routes begin -> what they are for."""


def missing_route(method: str, path: str) -> NotFoundError:
    unsupported = unsupported_route(method, path)
    return unsupported or NotFoundError(f"there is no route {method} {path}.", code="unknown_route")


def unsupported_route(method: str, path: str) -> NotFoundError | None:
    """None for one that those APIs have not, either."""
    for prefix, what in UNSUPPORTED.items():
        if path == prefix or path.startswith(prefix + "/"):
            return NotFoundError(
                f"this service does not support {what}; there is no route {method} {path}. "
                "/docs lists the routes that there are.",
                code="unsupported_route",
            )
    return None
