"""One streamed request to any OpenAI-compatible server, timed."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx
import orjson

from benchmarks.request_record import RequestRecord

Endpoint = Literal["completions", "chat"]
TIMEOUT_S = 600.0


class StreamError(Exception):
    """The server answered, but not with a complete stream."""


@dataclass(frozen=True, slots=True)
class CompletionClient:
    """`fields` go into every body as they are: max_tokens, and how this server is told the rest."""

    http: httpx.AsyncClient
    """Its base_url ends before /v1."""
    model: str
    endpoint: Endpoint = "completions"
    fields: Mapping[str, Any] = field(default_factory=dict)

    async def send(self, prompt: str | list[int]) -> RequestRecord:
        """Never raises for what the server or the network does: a failure is a record, too."""
        start_s = time.perf_counter()
        event_times_s: list[float] = []
        error = None
        usage: Mapping[str, int] = {}
        try:
            usage = await self._stream(prompt, event_times_s)
        except (httpx.HTTPError, StreamError) as failure:
            error = f"{type(failure).__name__}: {failure}"
        return RequestRecord(
            start_s=start_s,
            end_s=time.perf_counter(),
            event_times_s=tuple(event_times_s),
            prompt_tokens=usage.get("prompt_tokens", 0),
            completion_tokens=usage.get("completion_tokens", 0),
            error=error,
        )

    async def _stream(
        self, prompt: str | list[int], event_times_s: list[float]
    ) -> Mapping[str, int]:
        """Appends to `event_times_s` as text arrives; returns the usage. Raises StreamError."""
        path, body = self._request(prompt)
        usage: Mapping[str, int] | None = None
        async with self.http.stream("POST", path, json=body, timeout=TIMEOUT_S) as response:
            if response.status_code != 200:
                text = (await response.aread())[:200].decode(errors="replace")
                raise StreamError(f"{response.status_code} {text}")
            async for line in response.aiter_lines():
                if not line.startswith("data:") or line == "data: [DONE]":
                    continue
                now_s = time.perf_counter()
                event = _parsed(line[5:])
                if _has_text(event):
                    event_times_s.append(now_s)
                usage = event.get("usage") or usage
        if usage is None:
            raise StreamError("the stream ended without usage, so its tokens cannot be counted")
        return usage

    def _request(self, prompt: str | list[int]) -> tuple[str, dict[str, Any]]:
        common = {"model": self.model, "stream": True, "stream_options": {"include_usage": True}}
        if self.endpoint == "chat":
            messages = [{"role": "user", "content": prompt}]
            return "/v1/chat/completions", {**common, "messages": messages, **self.fields}
        return "/v1/completions", {**common, "prompt": prompt, **self.fields}


def _parsed(data: str) -> dict[str, Any]:
    try:
        event: dict[str, Any] = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise StreamError(f"an event is not JSON: {data[:200]}") from None
    if event.get("error"):
        raise StreamError(str(event["error"])[:200])
    return event


def _has_text(event: Mapping[str, Any]) -> bool:
    for choice in event.get("choices", ()):
        delta = choice.get("delta") or {}
        if choice.get("text") or delta.get("content") or delta.get("reasoning_content"):
            return True
    return False
