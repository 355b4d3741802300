"""POST /v1/responses, the request, told to the rest of the service as a ChatRequest."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from api.answer import Json
from api.chat_request import ChatRequest
from api.errors import InvalidRequestError
from api.fields import TEXT_OR_OTHER, Fields, without_unsupported
from api.json_body import validated
from api.responses_items import Item, MessageItem, item_json
from api.tools import MAX_TOOLS, ToolName

FIELD_NAMES: Mapping[str, str] = {"prompt": "input", "max_tokens": "max_output_tokens"}
"""The engine's names -> those of this API, where they differ."""
MAX_ITEMS = 10_000


class FunctionTool(Fields):
    type: Literal["function"]
    name: ToolName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class NamedFunction(Fields):
    type: Literal["function"]
    name: str


class PlainText(Fields):
    type: Literal["text"]


class JsonObject(Fields):
    type: Literal["json_object"]


class JsonSchema(Fields):
    type: Literal["json_schema"]
    name: str = Field(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9_-]+$")
    description: str | None = None
    json_schema: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None


def _format(value: object) -> str:
    kind = value.get("type") if isinstance(value, Mapping) else getattr(value, "type", None)
    return f"={kind}"


class TextConfig(Fields):
    format: (
        Annotated[
            Annotated[PlainText, Tag("=text")]
            | Annotated[JsonObject, Tag("=json_object")]
            | Annotated[JsonSchema, Tag("=json_schema")],
            Discriminator(
                _format,
                custom_error_type="format",
                custom_error_message="its type must be text, json_object or json_schema",
            ),
        ]
        | None
    ) = None
    verbosity: None = None


class Reasoning(Fields):
    """A model that reasons does so as its template has it."""

    effort: None = None
    summary: None = None


class ResponseStreamOptions(Fields):
    include_obfuscation: Literal[False] | None = None


class ResponsesRequest(Fields):
    unsupported: ClassVar[Mapping[str, Sequence[object]]] = {
        "access_programs": (),
        "context_management": ([],),
        "conversation": (),
        "image": (),
        "include": ([],),
        "max_tool_calls": (),
        "moderation": (),
        "personality": (),
        "prompt": (),
        "prompt_cache_options": (),
        "service_tier": ("auto", "default"),
        "top_logprobs": (0,),
        "truncation": ("disabled",),
    }

    model: str = Field(max_length=200)
    input: Annotated[
        Annotated[str, Tag("=text")]
        | Annotated[list[Item], Tag("=other"), Field(min_length=1, max_length=MAX_ITEMS)],
        TEXT_OR_OTHER,
    ]
    instructions: str | None = None
    previous_response_id: str | None = Field(default=None, max_length=100)
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    text: TextConfig | None = None
    tools: Annotated[list[FunctionTool], Field(max_length=MAX_TOOLS)] | None = None
    tool_choice: (
        Annotated[
            Annotated[Literal["none", "auto", "required"], Tag("=text")]
            | Annotated[NamedFunction, Tag("=other")],
            TEXT_OR_OTHER,
        ]
        | None
    ) = None
    parallel_tool_calls: bool | None = None
    store: bool | None = None
    background: bool | None = None
    stream: bool | None = None
    stream_options: ResponseStreamOptions | None = None
    reasoning: Reasoning | None = None

    # labels for the caller's own books: they change no answer
    metadata: dict[str, str] | None = Field(default=None, max_length=16)
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _refuse_unsupported(cls, fields: Any) -> Any:
        return without_unsupported(fields, cls.unsupported)

    @model_validator(mode="after")
    def _check_background(self) -> "ResponsesRequest":
        if self.background and not self.is_kept:
            raise InvalidRequestError(
                "background is true and store false; nobody could fetch the answer. Leave store "
                "out.",
                param="store",
            )
        if self.background and self.stream:
            raise InvalidRequestError(
                "background together with stream is not supported. Leave one of them out.",
                param="stream",
                code="unsupported_parameter",
            )
        return self

    @property
    def is_kept(self) -> bool:
        return self.store is not False

    @property
    def input_items(self) -> list[Json]:
        """With new ids at every call, where the caller gave none."""
        if isinstance(self.input, str):
            return [item_json(MessageItem(role="user", content=self.input))]
        return [item_json(item) for item in self.input]

    def of_chat(self, messages: list[Json]) -> ChatRequest:
        """`messages`: the conversation, what came before included. Raises InvalidRequestError."""
        if self.instructions is not None:
            messages = [{"role": "system", "content": self.instructions}, *messages]
        fields: Json = {
            "model": self.model,
            "messages": messages,
            "max_completion_tokens": self.max_output_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "tools": [_chat_tool(tool) for tool in self.tools or ()],
            "parallel_tool_calls": self.parallel_tool_calls,
            "tool_choice": self._chat_tool_choice() if self.tools else None,
            "response_format": self._response_format(),
        }
        try:
            return validated(fields, ChatRequest)
        except InvalidRequestError as error:
            raise in_own_words(error) from error

    def _chat_tool_choice(self) -> object:
        if isinstance(self.tool_choice, NamedFunction):
            return {"type": "function", "function": {"name": self.tool_choice.name}}
        return self.tool_choice

    def _response_format(self) -> Json | None:
        wanted = None if self.text is None else self.text.format
        match wanted:
            case JsonSchema():
                named = wanted.model_dump(exclude={"type"}, exclude_none=True, by_alias=True)
                return {"type": "json_schema", "json_schema": named}
            case JsonObject():
                return {"type": "json_object"}
        return None


def _chat_tool(tool: FunctionTool) -> Json:
    return {"type": "function", "function": tool.model_dump(exclude={"type"}, exclude_none=True)}


def in_own_words(error: InvalidRequestError) -> InvalidRequestError:
    """The same refusal with the paths of ChatRequest's fields as this API has them."""
    return error.renamed(
        {
            ".function.": ".",
            "response_format.json_schema.schema": "text.format.schema",
            "messages": "input",
            "response_format": "text.format",
        }
    )
