"""Renders conversations through the chat template and marks the tokens the assistant says."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Template
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from models.pocket.data.example import Message, Tool

WEIGHTS = Path(__file__).parent / "weights"
_ASSISTANT, _END = "<|im_start|>assistant\n", "<|im_end|>"


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A conversation's token ids; `spoken[i]` says that token i is the assistant's, its end of
    turn included.
    """

    ids: list[int]
    spoken: list[bool]


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    # Jinja's own tojson escapes for HTML; transformers replaces it too.
    environment.filters["tojson"] = _to_json
    return environment.from_string((WEIGHTS / "chat_template.jinja").read_text())


def render(messages: list[Message], tools: list[Tool], *, prompt: bool = False) -> str:
    """The conversation as transformers renders it; `prompt` opens the assistant's next turn."""
    return _template().render(messages=messages, tools=tools, add_generation_prompt=prompt)


class ChatEncoder:
    """Conversations to token ids, without the overhead of transformers per call."""

    def __init__(self, folder: Path = WEIGHTS) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))

    @property
    def tokenizer(self) -> Tokenizer:
        return self._tokenizer

    def encode_prompt(self, messages: list[Message], tools: list[Tool]) -> list[int]:
        ids: list[int] = self._tokenizer.encode(render(messages, tools, prompt=True)).ids
        return ids

    def encode(self, messages: list[Message], tools: list[Tool]) -> Encoded:
        """Segments are encoded apart; the template cuts at tokens, so the ids equal those of the
        whole text.
        """
        pieces, spoken = [], []
        head, *turns = render(messages, tools).split(_ASSISTANT)
        pieces.append(head)
        spoken.append(False)
        for turn in turns:
            said, _, rest = turn.partition(_END)
            pieces += [_ASSISTANT, said + _END, rest]
            spoken += [False, True, False]
        ids: list[int] = []
        marks: list[bool] = []
        for encoding, mark in zip(self._tokenizer.encode_batch(pieces), spoken, strict=True):
            ids += encoding.ids
            marks += [mark] * len(encoding.ids)
        return Encoded(ids, marks)
