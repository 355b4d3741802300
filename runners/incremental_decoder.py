"""Text out of token ids, one at a time. Equal to decoding them all at once, at constant cost."""

import codecs
from collections.abc import Mapping

from runners.token_bytes import TokenBytes

_Utf8Decoder = codecs.getincrementaldecoder("utf-8")


class IncrementalDecoder:
    """Holds back an unfinished character; bytes that can be no character become U+FFFD."""

    def __init__(
        self,
        token_bytes: TokenBytes,
        *,
        drop_leading_space: bool = False,
        symbols: Mapping[int, str] | None = None,
    ) -> None:
        """`drop_leading_space` where a text begins; not where it goes on from a prompt. `symbols`:
        what to write for some tokens instead of what they are."""
        self._token_bytes = token_bytes
        self._utf8 = _Utf8Decoder(errors="replace")
        self._at_start = drop_leading_space
        self._symbols = symbols or {}

    def add(self, token_id: int) -> str:
        """The text that this token completes; empty while a character is unfinished."""
        if symbol := self._symbols.get(token_id):
            text = self._from_start(self._utf8.decode(b"", final=True))
            self._utf8.reset()
            return text + symbol
        return self._from_start(self._utf8.decode(self._token_bytes[token_id]))

    def finish(self) -> str:
        """What an unfinished last character leaves behind: U+FFFD, or nothing."""
        return self._from_start(self._utf8.decode(b"", final=True))

    def _from_start(self, text: str) -> str:
        if self._at_start and text:
            self._at_start = False
            return text.removeprefix(" ")
        return text
