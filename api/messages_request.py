"""POST /v1/messages, the request: Anthropic's fields, told to the rest of the service as a
ChatRequest."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from api.answer import Json
from api.chat_request import ChatRequest
from api.errors import InvalidRequestError
from api.fields import TEXT_OR_OTHER, Fields, without_unsupported
from api.generation_fields import StopStringsField
from api.json_body import validated
from api.messages_blocks import (
    AssistantBlock,
    CacheControl,
    TextBlock,
    UserBlock,
    assistant_message,
    joined_text,
    user_messages,
)
from api.messages_error import THREAD_UNSUPPORTED
from api.tools import MAX_TOOLS, ToolName

FIELD_NAMES: Mapping[str, str] = {"prompt": "messages", "stop": "stop_sequences"}
"""The engine's names -> Anthropic's, where they differ."""


def _role(message: object) -> str | None:
    role = message.get("role") if isinstance(message, Mapping) else None
    return {"user": "=user", "assistant": "=assistant"}.get(role if isinstance(role, str) else "")


class UserTurn(Fields):
    role: Literal["user"]
    content: Annotated[
        Annotated[str, Tag("=text")]
        | Annotated[list[UserBlock], Tag("=other"), Field(min_length=1)],
        TEXT_OR_OTHER,
    ]


class AssistantTurn(Fields):
    role: Literal["assistant"]
    content: Annotated[
        Annotated[str, Tag("=text")] | Annotated[list[AssistantBlock], Tag("=other")],
        TEXT_OR_OTHER,
    ]


Turn = Annotated[
    Annotated[UserTurn, Tag("=user")] | Annotated[AssistantTurn, Tag("=assistant")],
    Discriminator(
        _role,
        custom_error_type="role",
        custom_error_message="a message needs a role: user or assistant; system is a field",
    ),
]


class CustomTool(Fields):
    """`strict`: the input keeps to the schema either way."""

    type: Literal["custom"] | None = None
    name: ToolName
    description: str | None = None
    input_schema: dict[str, Any]
    strict: bool | None = None
    cache_control: CacheControl | None = None


class MessagesToolChoice(Fields):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None

    @model_validator(mode="after")
    def _check_name(self) -> "MessagesToolChoice":
        if (self.type == "tool") != (self.name is not None):
            raise ValueError('a name belongs to type "tool", and only to that')
        return self

    @property
    def of_chat(self) -> object:
        if self.type == "tool":
            return {"type": "function", "function": {"name": self.name}}
        return {"any": "required"}.get(self.type, self.type)


class JsonFormat(Fields):
    type: Literal["json_schema"]
    json_schema: dict[str, Any] = Field(alias="schema")


class OutputConfig(Fields):
    format: JsonFormat | None = None


class DisabledThinking(Fields):
    """A model that reasons does so as its template has it."""

    type: Literal["disabled"]


class Metadata(Fields):
    user_id: str | None = None


class CountTokensRequest(Fields):
    """What a prompt is made of."""

    unsupported: ClassVar[Mapping[str, Sequence[object]]] = {
        "container": (),
        "context_management": (),
        "mcp_servers": ([],),
        "inference_geo": (),
        "speed": ("standard",),
        "diagnostics": (),
        "billing_policy": (),
        "compaction": (),
        "fallbacks": ([],),
        "fallback_credit_token": (),
        "thread": (),
    }

    model: str = Field(max_length=200)
    messages: list[Turn] = Field(min_length=1)
    system: (
        Annotated[
            Annotated[str, Tag("=text")] | Annotated[list[TextBlock], Tag("=other")],
            TEXT_OR_OTHER,
        ]
        | None
    ) = None
    tools: Annotated[list[CustomTool], Field(max_length=MAX_TOOLS)] | None = None
    tool_choice: MessagesToolChoice | None = None
    output_config: OutputConfig | None = None
    thinking: DisabledThinking | None = None
    cache_control: CacheControl | None = None

    @model_validator(mode="before")
    @classmethod
    def _refuse_unsupported(cls, fields: Any) -> Any:
        if fields.get("thread") is not None:
            raise InvalidRequestError(
                "thread is not supported by this service, which keeps no conversation of yours. "
                "Leave it out, and send all messages.",
                param="thread",
                code=THREAD_UNSUPPORTED,
            )
        return without_unsupported(fields, cls.unsupported)

    @model_validator(mode="after")
    def _check_last(self) -> "CountTokensRequest":
        if isinstance(self.messages[-1], AssistantTurn):
            place = len(self.messages) - 1
            raise InvalidRequestError(
                f"messages[{place}] is the last and the assistant's; going on from a begun answer "
                "is not supported. End with a user's message.",
                param=f"messages[{place}].role",
                code="unsupported_parameter",
            )
        return self

    @property
    def of_chat(self) -> ChatRequest:
        """Raises InvalidRequestError in Anthropic's words."""
        try:
            return validated(self._chat_fields(), ChatRequest)
        except InvalidRequestError as error:
            raise in_anthropics_words(error) from error

    def _chat_fields(self) -> Json:
        choice = self.tool_choice
        is_parallel = None
        if choice is not None and choice.disable_parallel_tool_use is not None:
            is_parallel = not choice.disable_parallel_tool_use
        fields: Json = {
            "model": self.model,
            "messages": list(self._chat_messages()),
            "tools": [_chat_tool(tool) for tool in self.tools] if self.tools else None,
            "tool_choice": choice.of_chat if choice is not None and self.tools else None,
            "parallel_tool_calls": is_parallel,
        }
        if self.output_config is not None and self.output_config.format is not None:
            named = {"name": "answer", "schema": self.output_config.format.json_schema}
            fields["response_format"] = {"type": "json_schema", "json_schema": named}
        return fields

    def _chat_messages(self) -> Iterable[Json]:
        if self.system:
            yield {"role": "system", "content": joined_text(self.system)}
        for turn in self.messages:
            if isinstance(turn, UserTurn):
                yield from user_messages(turn.content)
            else:
                yield assistant_message(turn.content)


class MessagesRequest(CountTokensRequest):
    max_tokens: int = Field(ge=1)
    stop_sequences: StopStringsField = ()
    stream: bool | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    metadata: Metadata | None = None
    service_tier: Literal["auto", "standard_only"] | None = None

    def _chat_fields(self) -> Json:
        return super()._chat_fields() | {
            "max_tokens": self.max_tokens,
            "stop": list(self.stop_sequences),
            "temperature": self.temperature,
            "top_k": self.top_k,
            "top_p": self.top_p,
        }


def _chat_tool(tool: CustomTool) -> Json:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.input_schema,
    }
    return {"type": "function", "function": function}


def in_anthropics_words(error: InvalidRequestError) -> InvalidRequestError:
    """The same refusal with the paths of ChatRequest's fields as Anthropic has them."""
    return error.renamed(
        {
            ".function.parameters": ".input_schema",
            ".function.name": ".name",
            "response_format.json_schema.schema": "output_config.format.schema",
        }
    )
