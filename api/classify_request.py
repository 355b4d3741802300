"""POST /v1/classify, the request: texts, and labels to choose from, or a preset that brings both
labels and question."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from api.errors import InvalidRequestError
from api.fields import TEXT_OR_OTHER, Fields

MAX_INPUTS = 512
MAX_LABELS = 64
MAX_LABEL_CHARS = 200
MAX_INSTRUCTION_CHARS = 4000


@dataclass(frozen=True, slots=True)
class Preset:
    """`{labels}` in the instruction is where the labels go."""

    instruction: str
    labels: tuple[str, ...]
    takes_pairs: bool = False


PRESETS: Mapping[str, Preset] = {
    "sentiment": Preset("Is this text {labels}?", ("positive", "negative")),
    "topic": Preset(
        "What is the topic of this text: {labels}?",
        ("sports", "food", "weather", "travel", "music", "technology", "business", "health"),
    ),
    "entailment": Preset(
        "Does the hypothesis follow from the premise? Answer {labels}.",
        ("entailment", "neutral", "contradiction"),
        takes_pairs=True,
    ),
}
WITHOUT_PRESET = "Which of these describes the text best: {labels}? Answer with that alone."


class TextPair(Fields):
    premise: str = Field(min_length=1)
    hypothesis: str = Field(min_length=1)


Text = Annotated[str, Field(min_length=1)]
Label = Annotated[str, Field(min_length=1, max_length=MAX_LABEL_CHARS)]


def _shape(value: object) -> str:
    if isinstance(value, list):
        return "=many"
    return "=text" if isinstance(value, str) else "=pair"


Entry = Annotated[Annotated[Text, Tag("=text")] | Annotated[TextPair, Tag("=other")], TEXT_OR_OTHER]
Input = Annotated[
    Annotated[Text, Tag("=text")]
    | Annotated[TextPair, Tag("=pair")]
    | Annotated[list[Entry], Tag("=many"), Field(min_length=1, max_length=MAX_INPUTS)],
    Discriminator(_shape),
]


class ClassifyRequest(Fields):
    """What is given beside a preset takes the place of the preset's own."""

    model: str
    input: Input
    preset: Literal["sentiment", "topic", "entailment"] | None = None
    labels: list[Label] | None = Field(default=None, min_length=2, max_length=MAX_LABELS)
    instruction: str | None = Field(default=None, min_length=1, max_length=MAX_INSTRUCTION_CHARS)
    """The question that the labels answer; "{labels}" in it stands for them."""
    user: str | None = Field(default=None, max_length=512)

    @model_validator(mode="after")
    def _check_labels(self) -> "ClassifyRequest":
        if self.labels is None and self.preset is None:
            raise InvalidRequestError(
                "neither labels nor a preset is given. Give labels to choose from, or one of the "
                f"presets {', '.join(PRESETS)}.",
                param="labels",
            )
        for place, label in enumerate(self.labels or ()):
            if label in (self.labels or ())[:place]:
                raise InvalidRequestError(
                    f"labels[{place}] is {label!r:.60}, which an earlier label is.", param="labels"
                )
        return self

    @model_validator(mode="after")
    def _check_pairs(self) -> "ClassifyRequest":
        takes_pairs = self.preset is not None and PRESETS[self.preset].takes_pairs
        for name, entry in self.entries:
            if isinstance(entry, TextPair) != takes_pairs:
                wanted = "premise and hypothesis" if takes_pairs else "text"
                raise InvalidRequestError(
                    f"{name} must be {wanted}; the preset entailment alone takes pairs.",
                    param=name,
                )
        return self

    @property
    def entries(self) -> list[tuple[str, str | TextPair]]:
        """Each input with its name."""
        if isinstance(self.input, list):
            return [(f"input[{index}]", entry) for index, entry in enumerate(self.input)]
        return [("input", self.input)]

    @property
    def chosen_labels(self) -> tuple[str, ...]:
        if self.labels is not None:
            return tuple(self.labels)
        assert self.preset is not None
        return PRESETS[self.preset].labels

    def prompt(self, entry: str | TextPair) -> str:
        """What the model is asked about one input."""
        instruction = self.instruction
        if instruction is None:
            instruction = PRESETS[self.preset].instruction if self.preset else WITHOUT_PRESET
        *rest, last = self.chosen_labels
        question = instruction.replace("{labels}", f"{', '.join(rest)} or {last}")
        if isinstance(entry, TextPair):
            return f"Premise: {entry.premise}\nHypothesis: {entry.hypothesis}\n\n{question}"
        return f"{question} {entry}"
