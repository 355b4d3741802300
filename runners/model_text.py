"""All of one model's text side: its tokenizer, its dialect, and the grammars of its answers."""

import logging
from dataclasses import dataclass

from runners.dialects.dialect import ChatDialect
from runners.grammars.compiler import GrammarCompiler
from runners.tokenizer import Tokenizer

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelText:
    tokenizer: Tokenizer
    dialect: ChatDialect
    grammars: GrammarCompiler | None
    """None: the tokenizer is of a kind that answers cannot be bound with."""

    @classmethod
    def of(cls, tokenizer: Tokenizer, vocab_size: int) -> "ModelText":
        """`vocab_size`: the model's, which may be padded past the tokenizer's."""
        try:
            grammars = GrammarCompiler(tokenizer.as_json, vocab_size, tokenizer.eos_token_ids)
        except ValueError as error:
            logger.warning("no structured output and no tools with this tokenizer: %s", error)
            grammars = None
        return cls(tokenizer, ChatDialect(tokenizer), grammars)

    def close(self) -> None:
        if self.grammars is not None:
            self.grammars.close()
