"""Translation and summaries: what is asked of the model, chunk by chunk."""

from typing import Annotated

from pydantic import AfterValidator, Field

from api.answer import Json
from api.fields import Fields

ALONE = "Answer with the {} alone."
MAX_LANGUAGE_CHARS = 60


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("it has nothing but whitespace")
    return text


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it must be one line")
    return text


Language = Annotated[
    str, Field(min_length=1, max_length=MAX_LANGUAGE_CHARS), AfterValidator(_one_line)
]


class PresetRequest(Fields):
    text: Annotated[str, AfterValidator(_not_blank)]
    model: str | None = Field(default=None, max_length=200)
    max_chunk_sentences: int | None = Field(default=None, ge=1)
    """Beside the bound in tokens that the model's context sets: small models do best with one."""


class TranslateRequest(PresetRequest):
    """Languages in English words, as the model is told them."""

    target_language: Language
    source_language: Language | None = None

    def messages(self, text: str) -> list[Json]:
        source = f"from {self.source_language} " if self.source_language else ""
        return _asked("translation", f"Translate {source}into {self.target_language}: {text}")


class SummarizeRequest(PresetRequest):
    def messages(self, text: str) -> list[Json]:
        return _asked("summary", f"Summarize this text: {text}")


def _asked(what: str, content: str) -> list[Json]:
    return [
        {"role": "system", "content": ALONE.format(what)},
        {"role": "user", "content": content},
    ]
