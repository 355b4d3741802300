"""What /v1/responses answers: OpenAI's `response`."""

from typing import Any, Literal

from typing_extensions import TypedDict

from api.responses_request import FunctionTool, NamedFunction, TextConfig

ItemStatus = Literal["in_progress", "completed", "incomplete"]


class OutputTextPart(TypedDict):
    type: Literal["output_text"]
    text: str
    annotations: list[Any]
    logprobs: list[Any]


class ReasoningTextPart(TypedDict):
    type: Literal["reasoning_text"]
    text: str


class _OutputItem(TypedDict):
    id: str
    status: ItemStatus


class OutputMessage(_OutputItem):
    type: Literal["message"]
    role: Literal["assistant"]
    content: list[OutputTextPart]


class OutputReasoning(_OutputItem):
    type: Literal["reasoning"]
    summary: list[Any]
    content: list[ReasoningTextPart]


class OutputFunctionCall(_OutputItem):
    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str
    """JSON."""


OutputItem = OutputMessage | OutputReasoning | OutputFunctionCall


class InputTokensDetails(TypedDict):
    cached_tokens: int
    cache_write_tokens: int


class OutputTokensDetails(TypedDict):
    reasoning_tokens: int


class ResponseUsage(TypedDict):
    input_tokens: int
    input_tokens_details: InputTokensDetails
    output_tokens: int
    output_tokens_details: OutputTokensDetails
    total_tokens: int


class ResponseFault(TypedDict):
    code: str
    message: str


class IncompleteDetails(TypedDict):
    reason: Literal["max_output_tokens"]


class NoReasoning(TypedDict):
    effort: None
    summary: None


class ResponseHead(TypedDict):
    """What the request determines. Its own models stand for what it is given back in."""

    id: str
    object: Literal["response"]
    created_at: int
    model: str
    background: bool
    error: ResponseFault | None
    incomplete_details: IncompleteDetails | None
    instructions: str | None
    max_output_tokens: int | None
    metadata: dict[str, str]
    parallel_tool_calls: bool
    previous_response_id: str | None
    reasoning: NoReasoning
    store: bool
    temperature: float
    text: TextConfig
    tool_choice: str | NamedFunction
    tools: list[FunctionTool]
    top_p: float
    truncation: Literal["disabled"]
    user: str | None


class ResponseObject(ResponseHead):
    status: Literal["in_progress", "completed", "incomplete", "failed", "cancelled"]
    output: list[OutputItem]
    usage: ResponseUsage | None
