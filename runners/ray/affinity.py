"""Which requests belong together: those that share a beginning, which one replica has in its cache.

A session's name is the caller's own where there is one, else the digest of what its prompts begin
with, so that a conversation stays where its earlier turns are. Only digests leave this module.
"""

import hashlib
from typing import Any

import orjson
from starlette.datastructures import Headers

SESSION_HEADER = "x-session-id"
OPENING_CHARS = 1024
"""Of a text to be continued: many that go on from one text have that much in common."""
OPENING_TOKENS = 256


def session_of(headers: Headers, body: bytes) -> str:
    """Empty where requests have nothing in common: embeddings, labels, and what is no JSON."""
    if name := headers.get(SESSION_HEADER):
        return _digest(["session", name])
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:  # the replica says what is wrong with it
        return ""
    return _session_in(request) if isinstance(request, dict) else ""


def _session_in(request: dict[str, Any]) -> str:
    if isinstance(key := request.get("prompt_cache_key"), str):
        return _digest(["key", key])
    if isinstance(messages := request.get("messages"), list):
        return _digest(["chat", request.get("system"), _opening(messages)])
    match request.get("prompt"):
        case str(text):
            return _digest(["text", text[:OPENING_CHARS]])
        case [int(), *_] as ids:
            return _digest(["ids", ids[:OPENING_TOKENS]])
    return ""


def _opening(messages: list[Any]) -> list[Any]:
    """Up to the first thing that a user said: later turns of a conversation all begin so."""
    for place, message in enumerate(messages):
        if isinstance(message, dict) and message.get("role") == "user":
            return messages[: place + 1]
    return messages


def _digest(parts: list[Any]) -> str:
    return hashlib.blake2b(orjson.dumps(parts), digest_size=16).hexdigest()
