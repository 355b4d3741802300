"""The events of a streamed response, as OpenAI's Responses API has them."""

from typing import Any, Literal

from typing_extensions import TypedDict

from api.responses_shapes import OutputItem, OutputTextPart, ReasoningTextPart, ResponseObject


class _Event(TypedDict):
    sequence_number: int


class WholeResponseEvent(_Event):
    type: Literal[
        "response.created",
        "response.in_progress",
        "response.completed",
        "response.incomplete",
        "response.failed",
    ]
    response: ResponseObject


class ItemEvent(_Event):
    type: Literal["response.output_item.added", "response.output_item.done"]
    output_index: int
    item: OutputItem


class _BlockEvent(_Event):
    item_id: str
    output_index: int


class PartEvent(_BlockEvent):
    type: Literal["response.content_part.added", "response.content_part.done"]
    content_index: int
    part: OutputTextPart | ReasoningTextPart


class TextDeltaEvent(_BlockEvent):
    type: Literal["response.output_text.delta"]
    content_index: int
    delta: str
    logprobs: list[Any]


class TextDoneEvent(_BlockEvent):
    type: Literal["response.output_text.done"]
    content_index: int
    text: str
    logprobs: list[Any]


class ReasoningDeltaEvent(_BlockEvent):
    type: Literal["response.reasoning_text.delta"]
    content_index: int
    delta: str


class ReasoningDoneEvent(_BlockEvent):
    type: Literal["response.reasoning_text.done"]
    content_index: int
    text: str


class ArgumentsDeltaEvent(_BlockEvent):
    type: Literal["response.function_call_arguments.delta"]
    delta: str


class ArgumentsDoneEvent(_BlockEvent):
    type: Literal["response.function_call_arguments.done"]
    arguments: str
    name: str


ResponseEvent = (
    WholeResponseEvent
    | ItemEvent
    | PartEvent
    | TextDeltaEvent
    | TextDoneEvent
    | ReasoningDeltaEvent
    | ReasoningDoneEvent
    | ArgumentsDeltaEvent
    | ArgumentsDoneEvent
)
