"""The bytes each token stands for: what makes decoding one token at a time exact.

Both families of tokenizers in use spell bytes. A byte-level vocabulary writes every byte as a
printable character (GPT-2's table); a SentencePiece vocabulary writes spaces as "▁" and lone bytes
as "<0x0A>". Undoing the spelling once, at load, leaves a table; text is then the UTF-8 decoding of
the tokens' bytes in a row.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer as Backend

from runners.errors import UnsupportedTokenizerError

_BYTE_PIECE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


@dataclass(frozen=True, slots=True)
class TokenBytes:
    """`table[token_id]` is what the token adds to the text; special tokens add nothing."""

    table: tuple[bytes, ...]
    leading_space: bool
    """The tokenizer writes a space before the first word, which a whole text does not have."""

    @classmethod
    def of(cls, backend: Backend) -> "TokenBytes":
        """Raises UnsupportedTokenizerError unless it is of one of the two families."""
        steps = _decoder_steps(backend)
        kinds = {step["type"] for step in steps}
        if kinds == {"ByteLevel"}:
            spell = _byte_level
        elif kinds <= {"Replace", "ByteFallback", "Fuse", "Strip", "Metaspace"}:
            spell = _sentencepiece
        else:
            raise UnsupportedTokenizerError(
                f"the tokenizer decodes by {', '.join(sorted(kinds)) or 'nothing'}; "
                "served are byte-level and SentencePiece vocabularies."
            )
        added = backend.get_added_tokens_decoder()
        special = {token_id for token_id, token in added.items() if token.special}
        pieces = backend.get_vocab(with_added_tokens=True)
        table = [b""] * (max(pieces.values(), default=-1) + 1)
        for piece, token_id in pieces.items():
            if token_id not in special:
                table[token_id] = spell(piece)
        return cls(tuple(table), any(_strips_space(step) for step in steps))

    def __getitem__(self, token_id: int) -> bytes:
        """A model's vocabulary may be padded past its tokenizer's; the padding has no bytes."""
        return self.table[token_id] if token_id < len(self.table) else b""


def _decoder_steps(backend: Backend) -> list[dict[str, Any]]:
    if backend.decoder is None:
        return []
    decoder = json.loads(backend.decoder.__getstate__())
    steps: list[dict[str, Any]] = decoder.get("decoders", [decoder])
    return steps


def _strips_space(step: Mapping[str, Any]) -> bool:
    if step["type"] == "Metaspace":
        return bool(step.get("prepend_scheme", "always") != "never")
    return bool(step["type"] == "Strip" and step["content"] == " " and step["start"])


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's spelling: printable bytes are themselves, the other 68 are shifted past U+0100."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    alphabet = {chr(byte): byte for byte in printable}
    return alphabet | {chr(0x100 + place): byte for place, byte in enumerate(others)}


_BYTE_ALPHABET = _byte_alphabet()


def _byte_level(piece: str) -> bytes:
    try:
        return bytes(_BYTE_ALPHABET[char] for char in piece)
    except KeyError:  # an added token, kept as it was written
        return piece.encode()


def _sentencepiece(piece: str) -> bytes:
    if byte := _BYTE_PIECE.fullmatch(piece):
        return bytes.fromhex(byte[1])
    return piece.replace("▁", " ").encode()
