"""One model's text side: messages or a prompt in, ids out; and ids in, text out.

Knows nothing of requests or of the engine. Immutable once loaded; any thread may call it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners.chat_template import ChatTemplate, Message, plain_messages
from runners.errors import UnsupportedTokenizerError
from runners.incremental_decoder import IncrementalDecoder
from runners.special_tokens import SpecialTokens
from runners.token_bytes import TokenBytes

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Tokenizer:
    """A transformers tokenizer, with exact incremental decoding and guarded chat prompts."""

    def __init__(
        self, tokenizer: "PreTrainedTokenizerBase", eos_token_ids: Iterable[int] = ()
    ) -> None:
        """`eos_token_ids`: beside the tokenizer's own. Raises UnsupportedTokenizerError."""
        if not tokenizer.is_fast:
            raise UnsupportedTokenizerError(
                f"{type(tokenizer).__name__} is a slow tokenizer; it needs a tokenizer.json."
            )
        self._backend = tokenizer.backend_tokenizer
        self._backend.no_truncation()
        self._backend.no_padding()
        self._template = ChatTemplate(tokenizer)
        self._special_tokens = SpecialTokens(self._backend)
        self._token_bytes = TokenBytes.of(self._backend)
        own_eos = {tokenizer.eos_token_id} - {None}
        self.eos_token_ids = frozenset(eos_token_ids) | own_eos
        added = self._backend.get_added_tokens_decoder()
        spelt = (token.content.encode() for token in added.values())
        self.max_token_bytes = max(map(len, (*self._token_bytes.table, *spelt, b" ")))
        """No token stands for more: k bytes of text are at least k / max_token_bytes tokens."""

    @classmethod
    def from_folder(cls, folder: Path) -> "Tokenizer":
        """Reads only files in the folder and runs no code from it."""
        from transformers import AutoTokenizer  # takes seconds; only who loads a model needs it

        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        return cls(tokenizer, _generation_eos_ids(folder))

    def encode(self, prompt: str) -> tuple[int, ...]:
        """A raw prompt's ids. It is the caller's own: special tokens spelt in it are special."""
        return tuple(self._backend.encode(prompt, add_special_tokens=True).ids)

    def encode_chat(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] | None = None
    ) -> tuple[int, ...]:
        """The ids that ask for the assistant's next message. Special tokens in messages stay text.

        Raises ChatTemplateError.
        """
        conversation = plain_messages(messages)
        lace = self._special_tokens.lace([conversation, tools])
        rendered = self._template.render(lace.through(conversation), lace.through(tools))
        return self._special_tokens.encode(rendered, lace)

    def encode_answer(self, text: str) -> tuple[int, ...]:
        """An assistant's message as ids, to follow those of `encode_chat`. Raises
        ChatTemplateError."""
        return self._special_tokens.encode_answer(text)

    def decoder(
        self, *, continues: bool = False, symbols: Mapping[int, str] | None = None
    ) -> IncrementalDecoder:
        """`continues`: the text goes on from a prompt, so its first space is part of it. `symbols`:
        what to write for some tokens instead of what they are."""
        drop = self._token_bytes.leading_space and not continues
        return IncrementalDecoder(self._token_bytes, drop_leading_space=drop, symbols=symbols)

    def decode(self, ids: Iterable[int]) -> str:
        decoder = self.decoder()
        return "".join(map(decoder.add, ids)) + decoder.finish()

    @property
    def chat_template_text(self) -> str:
        """The Jinja source for conversations with tools; empty if there is none."""
        return self._template.text

    @property
    def as_json(self) -> str:
        """As in tokenizer.json."""
        text: str = self._backend.to_str()
        return text

    def added_token_id(self, written: str) -> int | None:
        """The id of an added token, which stands apart from all other text."""
        added = self._backend.get_added_tokens_decoder()
        return next((i for i, token in added.items() if token.content == written), None)

    def token_bytes(self, token_id: int) -> bytes:
        """The token on its own, special tokens included; empty for an id that is no token."""
        if spelt := self._token_bytes[token_id]:
            return spelt
        return (self._backend.id_to_token(token_id) or "").encode()


def _generation_eos_ids(folder: Path) -> set[int]:
    path = folder / "generation_config.json"
    if not path.is_file():
        return set()
    ids = json.loads(path.read_text()).get("eos_token_id")
    if ids is None:
        return set()
    return {ids} if isinstance(ids, int) else set(ids)
