"""Cuts a long text into chunks that a prompt can hold, at the ends of paragraphs and sentences
where there are any."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

_SPACE = re.compile(r"(\s+)")
_AFTER_STOP = re.compile(r"(?<=[。！？])")
"""Where sentences follow each other without a space."""
_ENDS_SENTENCE = re.compile(r"[.!?…。！？][\"'”’)\]]*\Z")


@dataclass(frozen=True, slots=True)
class Chunk:
    text: str
    gap: str
    """The whitespace between it and the next."""


def chunks(
    text: str,
    *,
    num_tokens: Callable[[str], int],
    max_tokens: int,
    max_sentences: int | None = None,
) -> Iterator[Chunk]:
    """In order; chunks and gaps joined are `text` without the whitespace at its ends. None is empty
    or of more than about `max_tokens`. A sentence is cut only if it is longer than that alone."""
    gathered: list[Chunk] = []
    total = 0
    stripped = text.strip()
    for sentence in _sentences(stripped) if stripped else ():
        for piece in _within(sentence, num_tokens, max_tokens):
            size = num_tokens(piece.text)
            is_full = len(gathered) == max_sentences or total + size > max_tokens
            if gathered and is_full:
                yield _joined(gathered)
                gathered, total = [], 0
            gathered.append(piece)
            total += size + (num_tokens(piece.gap) if piece.gap else 0)
    if gathered:
        yield _joined(gathered)


def _sentences(text: str) -> Iterator[Chunk]:
    begun: list[str] = []
    parts = _SPACE.split(text)
    for word, gap in zip_longest(parts[::2], parts[1::2], fillvalue=""):
        *wholes, last = filter(None, _AFTER_STOP.split(word))
        for whole in wholes:
            yield Chunk("".join([*begun, whole]), "")
            begun = []
        begun.append(last)
        if not gap or "\n" in gap or _ENDS_SENTENCE.search(last[-20:]):
            yield Chunk("".join(begun), gap)
            begun = []
        else:
            begun.append(gap)


def _within(chunk: Chunk, num_tokens: Callable[[str], int], max_tokens: int) -> Iterator[Chunk]:
    """Halves that are too long, at a space where there is one near the middle."""
    if len(chunk.text) < 2 or num_tokens(chunk.text) <= max_tokens:
        yield chunk
        return
    middle = len(chunk.text) // 2
    space = chunk.text.rfind(" ", 1, middle + 1)
    first = chunk.text[:space].rstrip() if space > 0 else ""
    first = first or chunk.text[:middle]
    rest = chunk.text[len(first) :].lstrip()
    gap = chunk.text[len(first) : len(chunk.text) - len(rest)]
    if not rest:  # space is all that was left
        yield from _within(Chunk(first, gap + chunk.gap), num_tokens, max_tokens)
        return
    yield from _within(Chunk(first, gap), num_tokens, max_tokens)
    yield from _within(Chunk(rest, chunk.gap), num_tokens, max_tokens)


def _joined(gathered: list[Chunk]) -> Chunk:
    text = "".join(chunk.text + chunk.gap for chunk in gathered[:-1])
    return Chunk(text + gathered[-1].text, gathered[-1].gap)
