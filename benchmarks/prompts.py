"""Prompts nobody has seen before, the same ones for every server.

Prompt i of a seed is always the same text. No two begin alike for more than a few words, so a
server's prefix cache is measured only by who repeats an index.
"""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Protocol

_WORDS = """
apple river stone cloud green winter summer table window garden paper silver music letter house
market bread water light night morning forest mountain island harbour bridge street village city
engine wheel copper iron salt honey rice tea lamp door floor roof wall kitchen fire smoke ash
teacher doctor farmer sailor painter baker child mother father friend stranger king queen story
song word number colour circle line point corner edge middle east west north south early late
quick slow warm cold bright dark heavy small large round flat sharp soft quiet loud sweet bitter
walk run carry hold open close begin end ask answer give take find lose build break cook eat
drink sleep wake write read count measure remember forget under over between behind before after
""".split()


_GOLDEN_RATIO = 0.6180339887498949


class PromptSource(Protocol):
    """Yields what goes into a request's `prompt`, or into its one message."""

    def prompt(self, index: int) -> str | list[int]: ...


class TextPrompts:
    """Words at random, cut to a length from [shortest, longest]: in tokens when a tokenizer is
    given, else in words, of which most tokenizers make a little more than one token each."""

    def __init__(self, seed: int, shortest: int, longest: int, tokenizer: Any = None) -> None:
        self._seed = seed
        self._range = (shortest, longest)
        self._tokenizer = tokenizer

    @classmethod
    def for_model(cls, folder: Path, seed: int, shortest: int, longest: int) -> "TextPrompts":
        """Lengths in tokens of the tokenizer in `folder`, special tokens aside."""
        from transformers import AutoTokenizer  # takes seconds to import, and not all need it

        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        return cls(seed, shortest, longest, tokenizer)

    def prompt(self, index: int) -> str:
        random = Random(f"{self._seed}/{index}")
        length = _length(index, self._seed, *self._range)
        text = " ".join(random.choices(_WORDS, k=length))
        if self._tokenizer is None:
            return text
        ids: Sequence[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        cut: str = self._tokenizer.decode(ids[:length])
        return cut


class TokenIdPrompts:
    """Ids at random from [first_id, vocab_size): no text, exact lengths; /v1/completions only."""

    def __init__(
        self, seed: int, shortest: int, longest: int, *, first_id: int, vocab_size: int
    ) -> None:
        self._seed = seed
        self._range = (shortest, longest)
        self._ids = range(first_id, vocab_size)

    def prompt(self, index: int) -> list[int]:
        random = Random(f"{self._seed}/{index}")
        return random.choices(self._ids, k=_length(index, self._seed, *self._range))


def _length(index: int, seed: int, shortest: int, longest: int) -> int:
    """Spread evenly over the range: any few in a row have nearly its mean, so a server that gets
    through three prompts is asked as much per request as one that gets through thirty.

    Multiples of the golden ratio modulo 1 (Kronecker's sequence) from a random start.
    """
    place = (Random(seed).random() + index * _GOLDEN_RATIO) % 1
    return shortest + int(place * (longest - shortest + 1))
