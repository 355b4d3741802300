"""The API keys of a service, and whose they are.

They come from the environment (KAMADO_API_KEYS, separated by commas) and from a file, one per line;
either way as KEY or as NAME:KEY. Kept are their SHA-256 digests alone. The file is read again when
it has changed, so that keys are given and withdrawn without a restart; while it cannot be read, the
keys that it last had stay.
"""

import hashlib
import hmac
import logging
import os
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger("kamado.keys")

LOOK_S = 1.0
"""How often the file is looked at, at most."""

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_KEY = re.compile(r"[!-+\--9;-~]{1,512}")
"""Visible ASCII but commas and colons."""
_FORM = (
    "it must be KEY or NAME:KEY. A key has 1 to 512 visible ASCII characters without commas and "
    "colons, a name 1 to 64 letters, digits, dots, dashes and underscores."
)


class ApiKeyError(ValueError):
    """What is wrong with the keys that were set, without any of them."""


@dataclass(frozen=True, slots=True)
class _Kept:
    name: str
    digest: bytes


class KeyRing:
    def __init__(self, listed: str | None = None, file: Path | None = None) -> None:
        """`listed`: separated by commas. Raises ApiKeyError for a key of another form, for a file
        that cannot be read, and where there should be keys and are none."""
        self._file = file
        self._is_open = listed is None and file is None
        entries = () if listed is None else enumerate(listed.split(","), 1)
        self._listed = tuple(_parsed(entries, "KAMADO_API_KEYS", "env"))
        self._seen = _signature(file)
        self._looked_s = time.monotonic()
        self._in_file = () if file is None else _read(file)
        if not self._is_open and not self._kept:
            source = "KAMADO_API_KEYS" if file is None else f"api_keys_file {str(file)!r}"
            raise ApiKeyError(f"{source} has no key. Write one into it, or leave it out.")

    @property
    def is_open(self) -> bool:
        """No keys were asked for: whoever comes may come in."""
        return self._is_open

    def name_of(self, key: bytes) -> str | None:
        """Whose key it is. Takes as long for any key as for any other."""
        self._look()
        digest = hashlib.sha256(key).digest()
        found = None
        for kept in self._kept:
            if hmac.compare_digest(kept.digest, digest):
                found = kept.name
        return found

    @property
    def _kept(self) -> tuple[_Kept, ...]:
        return (*self._listed, *self._in_file)

    def _look(self) -> None:
        """Reads the file again if it is another one. Nobody is let in where it has become empty."""
        now_s = time.monotonic()
        if self._file is None or now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        signature = _signature(self._file)
        if signature == self._seen:
            return
        self._seen = signature
        try:
            self._in_file = _read(self._file)
        except ApiKeyError as error:
            logger.error("the API keys stay as they were: %s", error)
        else:
            logger.info("api_keys_file was read again: %d keys", len(self._in_file))


def _read(file: Path) -> tuple[_Kept, ...]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ApiKeyError(f"api_keys_file {str(file)!r} cannot be read: {reason}.") from None
    told = ((place, line) for place, line in enumerate(lines, 1) if not line.startswith("#"))
    return tuple(_parsed(told, "api_keys_file, line", "line"))


def _parsed(entries: Iterable[tuple[int, str]], source: str, prefix: str) -> Iterator[_Kept]:
    """Blank ones are left out; one without a name is named after its place."""
    for place, entry in entries:
        name, colon, key = entry.strip().rpartition(":")
        if not key and not colon:
            continue
        if not _KEY.fullmatch(key) or (colon and not _NAME.fullmatch(name)):
            raise ApiKeyError(f"{source} {place}: {_FORM}")
        yield _Kept(name or f"{prefix}-{place}", hashlib.sha256(key.encode()).digest())


def _signature(file: Path | None) -> tuple[int, int, int] | None:
    """Changes with the file, also where a link is turned to another."""
    if file is None:
        return None
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
