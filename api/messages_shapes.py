"""What /v1/messages answers: Anthropic's `message`, and the events that build it."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict


class SaidText(TypedDict):
    type: Literal["text"]
    text: str


class SaidThought(TypedDict):
    type: Literal["thinking"]
    thinking: str
    signature: str


class ToolUse(TypedDict):
    type: Literal["tool_use"]
    id: str
    name: str
    input: Any


ContentBlock = SaidText | SaidThought | ToolUse


class MessageUsage(TypedDict):
    input_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    output_tokens: int


class MessageEnding(TypedDict):
    stop_reason: Literal["end_turn", "max_tokens", "stop_sequence", "tool_use"] | None
    stop_sequence: str | None


class MessageHead(TypedDict):
    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str


class Message(MessageHead, MessageEnding):
    content: list[ContentBlock]
    usage: MessageUsage


class MessageStart(TypedDict):
    type: Literal["message_start"]
    message: Message


class ContentBlockStart(TypedDict):
    type: Literal["content_block_start"]
    index: int
    content_block: ContentBlock


class TextBlockDelta(TypedDict):
    type: Literal["text_delta"]
    text: str


class ThinkingBlockDelta(TypedDict):
    type: Literal["thinking_delta"]
    thinking: str


class InputJsonDelta(TypedDict):
    type: Literal["input_json_delta"]
    partial_json: str


BlockDelta = TextBlockDelta | ThinkingBlockDelta | InputJsonDelta


class ContentBlockDelta(TypedDict):
    type: Literal["content_block_delta"]
    index: int
    delta: BlockDelta


class ContentBlockStop(TypedDict):
    type: Literal["content_block_stop"]
    index: int


class MessageDelta(TypedDict):
    type: Literal["message_delta"]
    delta: MessageEnding
    usage: MessageUsage


class MessageStop(TypedDict):
    type: Literal["message_stop"]


class FaultDetails(TypedDict):
    error_code: str
    unsupported: list[str]
    """Fields of the request."""


class MessageFault(TypedDict):
    type: str
    message: str
    details: NotRequired[FaultDetails]
    """Where Anthropic's client looks for a way on."""


class MessageErrorEvent(TypedDict):
    type: Literal["error"]
    error: MessageFault


class MessageError(MessageErrorEvent):
    """Anthropic's shape of whatever is refused on its routes."""

    request_id: str


MessageEvent = (
    MessageStart
    | ContentBlockStart
    | ContentBlockDelta
    | ContentBlockStop
    | MessageDelta
    | MessageStop
    | MessageErrorEvent
)


class TokenCount(TypedDict):
    input_tokens: int
