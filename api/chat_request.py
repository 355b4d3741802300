"""POST /v1/chat/completions, the request."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from api.errors import InvalidRequestError
from api.fields import TEXT_OR_OTHER, Fields
from api.generation_fields import GenerationFields
from api.tools import Tool, ToolChoice, ToolChoiceField, ToolsField, check_tools


class TextPart(Fields):
    type: Literal["text"]
    text: str


Content = Annotated[
    Annotated[str, Tag("=text")] | Annotated[list[TextPart], Tag("=other"), Field(min_length=1)],
    TEXT_OR_OTHER,
]


class SystemMessage(Fields):
    role: Literal["system", "developer"]
    content: Content
    name: str | None = None


class UserMessage(Fields):
    role: Literal["user"]
    content: Content
    name: str | None = None


class FunctionCall(Fields):
    name: str
    arguments: str


class ToolCall(Fields):
    id: str
    type: Literal["function"] = "function"
    function: FunctionCall
    index: int | None = None


class AssistantMessage(Fields):
    """Takes back what a response's message says, fields without a value included."""

    role: Literal["assistant"]
    content: Content | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    reasoning_content: str | None = None
    refusal: str | None = None
    annotations: list[Any] | None = Field(default=None, max_length=0)
    audio: None = None
    function_call: None = None

    @model_validator(mode="after")
    def _check_content(self) -> "AssistantMessage":
        if self.content is None and not self.tool_calls and self.refusal is None:
            raise ValueError("an assistant's message needs content, a refusal or tool_calls")
        return self


class ToolMessage(Fields):
    role: Literal["tool"]
    content: Content
    tool_call_id: str
    name: str | None = None


def _role(message: object) -> str | None:
    role = message.get("role") if isinstance(message, Mapping) else None
    return {
        "system": "=system",
        "developer": "=system",
        "user": "=user",
        "assistant": "=assistant",
        "tool": "=tool",
    }.get(role if isinstance(role, str) else "")


Message = Annotated[
    Annotated[SystemMessage, Tag("=system")]
    | Annotated[UserMessage, Tag("=user")]
    | Annotated[AssistantMessage, Tag("=assistant")]
    | Annotated[ToolMessage, Tag("=tool")],
    Discriminator(
        _role,
        custom_error_type="role",
        custom_error_message="a message needs a role: system, developer, user, assistant or tool",
    ),
]


class ChatRequest(GenerationFields):
    unsupported: ClassVar[Mapping[str, Sequence[object]]] = {
        "functions": ([],),
        "function_call": ("none",),
        "modalities": (["text"],),
        "audio": (),
        "moderation": (),
        "prediction": (),
        "prompt_cache_options": (),
        "reasoning_effort": (),
        "verbosity": (),
        "web_search_options": (),
        "store": (False,),
        "service_tier": ("auto", "default"),
    }

    messages: list[Message] = Field(min_length=1)
    max_completion_tokens: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    tools: ToolsField | None = None
    tool_choice: ToolChoiceField | None = None
    parallel_tool_calls: bool | None = None

    @model_validator(mode="after")
    def _check_pairs(self) -> "ChatRequest":
        if self.top_logprobs is not None and not self.logprobs:
            raise InvalidRequestError(
                "top_logprobs is only allowed with logprobs: true.", param="top_logprobs"
            )
        limits = {self.max_tokens, self.max_completion_tokens} - {None}
        if len(limits) > 1:
            raise InvalidRequestError(
                f"max_tokens is {self.max_tokens} and max_completion_tokens "
                f"{self.max_completion_tokens}; give one of them.",
                param="max_tokens",
            )
        return self

    @model_validator(mode="after")
    def _check_tools(self) -> "ChatRequest":
        check_tools(self.tools or [], self.tool_choice)
        if self.offered_tools and self.ignore_eos:
            raise InvalidRequestError(
                "ignore_eos is true; an answer that may call tools ends with its calls.",
                param="ignore_eos",
            )
        return self

    @property
    def offered_tools(self) -> list[Tool]:
        """With tool_choice none the model is not told of any."""
        return [] if self.tool_choice == "none" else self.tools or []

    @property
    def must_call(self) -> bool:
        return self.tool_choice == "required" or isinstance(self.tool_choice, ToolChoice)

    @property
    def calls_in_parallel(self) -> bool:
        """A call that is forced is one, unless more are asked for."""
        if self.parallel_tool_calls is None:
            return not self.must_call
        return self.parallel_tool_calls

    @property
    def token_limit(self) -> int | None:
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    @property
    def num_logprobs(self) -> int | None:
        """Per token beside its own; None: none at all."""
        return (self.top_logprobs or 0) if self.logprobs else None

    @property
    def plain_messages(self) -> list[dict[str, Any]]:
        messages = [message.model_dump(exclude_none=True) for message in self.messages]
        for message in messages:
            if refusal := message.pop("refusal", None):
                message.setdefault("content", refusal)
        return messages
