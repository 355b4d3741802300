"""Keeps what a user wrote from being read as the template's own marks.

A chat template and its user may write the same characters, "<|im_end|>", and only the template
means the special token. So every special token in the user's strings is laced with a mark before
rendering; where the rendered prompt still spells one out, the template wrote it. Between those
places the prompt is encoded as plain text, laces removed.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from tokenizers import AddedToken
from tokenizers import Tokenizer as Backend

from runners.errors import ChatTemplateError

_Value = TypeVar("_Value")

_MARKS = range(0x10FFFD, 0x100000, -1)
"""Private-use characters. The first that the request does not contain becomes its mark."""


@dataclass(frozen=True, slots=True)
class Lace:
    """One request's mark and how to weave it in."""

    mark: str
    pattern: re.Pattern[str]

    def through(self, value: _Value) -> _Value:
        """The same value with every special token in its strings broken up, keys included."""
        woven: object = value
        if isinstance(value, str):
            woven = self.pattern.sub(lambda found: self.mark.join(found[0]) + self.mark, value)
        elif isinstance(value, Mapping):
            woven = {self.through(key): self.through(item) for key, item in value.items()}
        elif isinstance(value, list | tuple):
            woven = [self.through(item) for item in value]
        return cast(_Value, woven)


class SpecialTokens:
    """The special tokens of one tokenizer, and an encoder of text in which they mean nothing."""

    def __init__(self, backend: Backend) -> None:
        added = backend.get_added_tokens_decoder()
        special = [(token_id, token) for token_id, token in added.items() if token.special]
        special.sort(key=lambda entry: -len(entry[1].content))
        self._ids = [token_id for token_id, _ in special]
        self._written = _any_of([re.escape(token.content) for _, token in special])
        self._placed = _any_of([_with_stripping(token) for _, token in special])
        self._opening = self._following = _plain_text_encoder(backend)
        if _begins_like_a_word(backend):
            self._following = _without_word_start(backend)
        unknown = getattr(backend.model, "unk_token", None)
        self._forbidden_ids = {token_id for token_id, token in special if token.content != unknown}

    def lace(self, value: object) -> Lace:
        """A lace whose mark occurs nowhere in the value."""
        text = "".join(_strings(value))
        mark = next(chr(code) for code in _MARKS if chr(code) not in text)
        return Lace(mark, self._written)

    def encode(self, rendered: str, lace: Lace) -> tuple[int, ...]:
        """The prompt's ids: special where the template wrote a special token, else text."""
        ids: list[int] = []
        end = 0
        for found in self._placed.finditer(rendered):
            ids += self._encode_text(rendered[end : found.start()], lace, opening=end == 0)
            ids.append(self._ids[(found.lastindex or 0) - 1])
            end = found.end()
        ids += self._encode_text(rendered[end:], lace, opening=end == 0)
        return tuple(ids)

    def encode_answer(self, text: str) -> tuple[int, ...]:
        """The ids of a text that follows a prompt; special tokens spelt in it stay text."""
        return tuple(self._encode_text(text, self.lace(text), opening=False))

    def _encode_text(self, text: str, lace: Lace, *, opening: bool) -> list[int]:
        text = text.replace(lace.mark, "")
        if not text:
            return []
        encoder = self._opening if opening else self._following
        ids: list[int] = encoder.encode(text, add_special_tokens=False).ids
        if not self._forbidden_ids.isdisjoint(ids):
            raise ChatTemplateError(
                "the messages contain a control token of this model, which its tokenizer cannot "
                "write as text. Remove it."
            )
        return ids


def _any_of(patterns: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(patterns) or r"(?!)")


def _with_stripping(token: AddedToken) -> str:
    """One group per token, to tell which it was. Some swallow the whitespace beside them."""
    before = r"\s*" if token.lstrip else ""
    after = r"\s*" if token.rstrip else ""
    return f"{before}({re.escape(token.content)}){after}"


def _plain_text_encoder(backend: Backend) -> Backend:
    """The same, but special tokens spelt in a text are text. It shares the model, which of a large
    vocabulary is 70 MB and takes a quarter of a second to make again."""
    encoder = Backend(backend.model)
    encoder.normalizer = backend.normalizer
    encoder.pre_tokenizer = backend.pre_tokenizer
    encoder.post_processor = backend.post_processor
    encoder.decoder = backend.decoder
    added = backend.get_added_tokens_decoder()
    encoder.add_tokens([added[token_id] for token_id in sorted(added)])  # as reading a file does
    encoder.encode_special_tokens = True
    return encoder


def _begins_like_a_word(backend: Backend) -> bool:
    """Some tokenizers begin the whole prompt, and only that, like a word."""
    if backend.pre_tokenizer is None:
        return False
    splitter = json.loads(backend.pre_tokenizer.__getstate__())
    return any(step.get("prepend_scheme") == "first" for step in _steps(splitter))


def _without_word_start(backend: Backend) -> Backend:
    """The encoder of text that does not begin the prompt."""
    state = json.loads(backend.to_str())
    for step in _steps(state["pre_tokenizer"]):
        if step.get("prepend_scheme") == "first":
            step["prepend_scheme"] = "never"
    encoder: Backend = Backend.from_str(json.dumps(state))
    encoder.encode_special_tokens = True
    return encoder


def _steps(splitter: dict[str, Any]) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = splitter.get("pretokenizers", [splitter])
    return steps


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _strings(key)
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)
