"""What an answer may be bound to: a JSON schema, a regex, a choice or a grammar."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from api.errors import InvalidRequestError
from api.fields import Fields
from runners.grammars.json_schema import ANY_OBJECT, schema_source
from runners.grammars.source import GrammarSource, from_choice, from_grammar, from_regex

MAX_REGEX_CHARS = 16 * 1024
MAX_GRAMMAR_CHARS = 64 * 1024
MAX_CHOICES = 1000
MAX_CHOICE_CHARS = 1000


class TextFormat(Fields):
    type: Literal["text"]


class JsonObjectFormat(Fields):
    """Any object, or one of `schema`."""

    type: Literal["json_object"]
    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")


class NamedSchema(Fields):
    name: str = Field(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9_-]+$")
    description: str | None = None
    json_schema: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None
    """The answer keeps to the schema either way."""


class JsonSchemaFormat(Fields):
    type: Literal["json_schema"]
    json_schema: NamedSchema


def _format(value: object) -> str | None:
    """Of what came as JSON, or of what it was read into."""
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return f"={kind}" if kind in ("text", "json_object", "json_schema") else None


ResponseFormat = Annotated[
    Annotated[TextFormat, Tag("=text")]
    | Annotated[JsonObjectFormat, Tag("=json_object")]
    | Annotated[JsonSchemaFormat, Tag("=json_schema")],
    Discriminator(
        _format,
        custom_error_type="response_format",
        custom_error_message="its type must be text, json_object or json_schema",
    ),
]


class ConstraintFields(Fields):
    """At most one of them binds an answer. All but response_format are beyond OpenAI's."""

    response_format: ResponseFormat | None = None
    regex: str | None = Field(default=None, min_length=1, max_length=MAX_REGEX_CHARS)
    """The whole answer matches it."""
    choice: list[Annotated[str, Field(min_length=1, max_length=MAX_CHOICE_CHARS)]] | None = Field(
        default=None, min_length=1, max_length=MAX_CHOICES
    )
    """The answer is one of these."""
    grammar: str | None = Field(default=None, min_length=1, max_length=MAX_GRAMMAR_CHARS)
    """In Lark's notation, or in GBNF's."""

    @property
    def constraint_field(self) -> str | None:
        """The name of the field that binds the answer. Raises InvalidRequestError for a second."""
        is_bound = self.response_format is not None and self.response_format.type != "text"
        names = ["response_format"] if is_bound else []
        names += [name for name in ("regex", "choice", "grammar") if getattr(self, name)]
        if len(names) > 1:
            raise InvalidRequestError(
                f"{names[0]} and {names[1]} are given; an answer can keep to one of them.",
                param=names[1],
            )
        return names[0] if names else None

    def constraint(self) -> GrammarSource | None:
        """Raises InvalidRequestError or GrammarRefusedError."""
        field = self.constraint_field
        if field == "regex" and self.regex is not None:
            return from_regex(self.regex)
        if field == "choice" and self.choice is not None:
            return from_choice(self.choice)
        if field == "grammar" and self.grammar is not None:
            return from_grammar(self.grammar)
        match self.response_format:
            case JsonObjectFormat(json_schema=schema):
                given = ANY_OBJECT if schema is None else {**ANY_OBJECT, **schema}
                return schema_source(given, "response_format.schema")
            case JsonSchemaFormat(json_schema=named):
                return schema_source(named.json_schema, "response_format.json_schema.schema")
        return None
