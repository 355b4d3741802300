"""From the bytes of an HTTP answer to JSON objects, as they arrive. Knows nothing of sockets, so
that blocking and asynchronous callers share it."""

import json
from collections.abc import Iterable
from typing import Any, Protocol

from langchain_kamado.errors import InterruptedAnswerError, error_from

Json = dict[str, Any]


class Decoder(Protocol):
    def feed(self, data: bytes) -> Iterable[Json]:
        """The objects that `data` completes."""
        ...

    def finish(self) -> Iterable[Json]:
        """Raises InterruptedAnswerError if the answer is not complete."""
        ...


class WholeBody:
    """One object. Used where nothing is worth having before the end."""

    def __init__(self) -> None:
        self._body = bytearray()

    def feed(self, data: bytes) -> Iterable[Json]:
        self._body += data
        return ()

    def finish(self) -> Iterable[Json]:
        return (_parsed(self._body),)


class JsonLines:
    """NDJSON. How many lines make it whole, only the reader knows."""

    def __init__(self) -> None:
        self._lines = _Lines()

    def feed(self, data: bytes) -> Iterable[Json]:
        return [_parsed(line) for line in self._lines.feed(data) if line]

    def finish(self) -> Iterable[Json]:
        if self._lines.rest:
            raise _broken_off()
        return ()


class EventStream:
    """Server-sent events as OpenAI's API has them: `data:` lines, the last of which is [DONE].

    Comments are skipped. An error event ends the stream.
    """

    def __init__(self) -> None:
        self._lines = _Lines()
        self._is_done = False

    def feed(self, data: bytes) -> Iterable[Json]:
        for line in self._lines.feed(data):
            if not line.startswith(b"data:"):
                continue
            content = line.removeprefix(b"data:").strip()
            if content == b"[DONE]":
                self._is_done = True
                continue
            item = _parsed(content)
            if "error" in item:
                raise error_from(item)
            yield item

    def finish(self) -> Iterable[Json]:
        if not self._is_done:
            raise _broken_off()
        return ()


class _Lines:
    """Split at line feeds alone: JSON may hold the other characters that end a line in Unicode,
    which httpx's own `iter_lines` splits at."""

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        *lines, self.rest = (self.rest + data).split(b"\n")
        return [line.removesuffix(b"\r") for line in lines]


def _parsed(text: bytes | bytearray) -> Json:
    """Raises InterruptedAnswerError."""
    try:
        item = json.loads(text)
    except ValueError:
        raise _broken_off() from None
    if not isinstance(item, dict):
        raise _broken_off()
    return item


def _broken_off() -> InterruptedAnswerError:
    return InterruptedAnswerError("the server's answer broke off before its end.")
