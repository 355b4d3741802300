"""The routes that generate, with examples that run."""

from api.answer import Json
from api.cancel import CancelAnswer, CancelRequest
from api.chat_batch import ChatBatchLine, ChatBatchRequest
from api.chat_request import ChatRequest
from api.chat_shapes import ChatCompletion, ChatCompletionChunk
from api.completion_request import CompletionRequest
from api.completion_shapes import Completion, CompletionChunk
from api.errors import ErrorBody
from api.messages_request import CountTokensRequest, MessagesRequest
from api.messages_shapes import Message, MessageEvent, TokenCount
from api.operation import EVENTS, JSON, MODEL, Operation
from api.responses import DeletedResponse, GetQuery, InputItems, InputTokens, ItemsQuery
from api.responses_events import ResponseEvent
from api.responses_request import ResponsesRequest
from api.responses_shapes import ResponseObject

HELLO: Json = {"model": MODEL, "messages": [{"role": "user", "content": "Hello! Who are you?"}]}
CITY: Json = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 30}},
    "required": ["city"],
}
WEATHER = "What is the weather in Paris?"
PERSON: Json = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 30}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}
CHAT: dict[str, Json] = {
    "a question": {**HELLO, "max_tokens": 60},
    "streamed": {**HELLO, "max_tokens": 60, "stream": True},
    "a tool": {
        "model": MODEL,
        "messages": [{"role": "user", "content": WEATHER}],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "get_weather",
                    "description": "Get the weather",
                    "parameters": CITY,
                },
            }
        ],
        "tool_choice": "required",
        "max_tokens": 100,
    },
    "a schema": {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Tom is 31 years old."}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "person", "schema": PERSON},
        },
        "max_tokens": 100,
    },
    "a choice": {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Is the sea blue?"}],
        "choice": ["yes", "no"],
    },
}
GENERATION = [
    Operation(
        "POST",
        "/v1/chat/completions",
        "OpenAI",
        "Continue a conversation",
        {JSON: ChatCompletion, EVENTS: ChatCompletionChunk | ErrorBody},
        (ChatRequest,),
        CHAT,
    ),
    Operation(
        "POST",
        "/v1/chat/completions/batch",
        "Beyond OpenAI",
        "Continue many conversations in one call",
        {"application/x-ndjson": ChatBatchLine},
        (ChatBatchRequest,),
        {"two": {"requests": [{**HELLO, "max_tokens": 60}, {**HELLO, "max_tokens": 5}]}},
    ),
    Operation(
        "POST",
        "/v1/completions",
        "OpenAI",
        "Continue a text",
        {JSON: Completion, EVENTS: CompletionChunk | ErrorBody},
        (CompletionRequest,),
        {"a text": {"model": MODEL, "prompt": "Once upon a time", "max_tokens": 16}},
    ),
    Operation(
        "POST",
        "/v1/messages",
        "Anthropic",
        "Continue a conversation",
        {JSON: Message, EVENTS: MessageEvent},
        (MessagesRequest,),
        {
            "a question": {**HELLO, "max_tokens": 60},
            "streamed": {**HELLO, "max_tokens": 60, "system": "Be brief.", "stream": True},
            "a tool": {
                "model": MODEL,
                "max_tokens": 100,
                "messages": [{"role": "user", "content": WEATHER}],
                "tools": [{"name": "get_weather", "input_schema": CITY}],
                "tool_choice": {"type": "any"},
            },
        },
    ),
    Operation(
        "POST",
        "/v1/messages/count_tokens",
        "Anthropic",
        "Count a prompt's tokens",
        {JSON: TokenCount},
        (CountTokensRequest,),
        {"a question": HELLO},
    ),
    Operation(
        "POST",
        "/v1/responses",
        "OpenAI",
        "Make a response, and keep it",
        {JSON: ResponseObject, EVENTS: ResponseEvent},
        (ResponsesRequest,),
        {
            "a question": {"model": MODEL, "input": "Hello! Who are you?"},
            "streamed, not kept": {
                "model": MODEL,
                "input": "Hello!",
                "stream": True,
                "store": False,
            },
            "a tool": {
                "model": MODEL,
                "input": WEATHER,
                "tools": [{"type": "function", "name": "get_weather", "parameters": CITY}],
                "tool_choice": "required",
                "max_output_tokens": 100,
            },
            "a schema": {
                "model": MODEL,
                "input": "Tom is 31 years old.",
                "text": {"format": {"type": "json_schema", "name": "person", "schema": PERSON}},
            },
            "in the background": {"model": MODEL, "input": "Hello!", "background": True},
        },
    ),
    Operation(
        "POST",
        "/v1/responses/input_tokens",
        "OpenAI",
        "Count the tokens of a response's prompt",
        {JSON: InputTokens},
        (ResponsesRequest,),
        {"a question": {"model": MODEL, "input": "Hello! Who are you?"}},
    ),
    Operation(
        "GET",
        "/v1/responses/{response_id}",
        "OpenAI",
        "A kept response",
        {JSON: ResponseObject},
        query=GetQuery,
    ),
    Operation(
        "DELETE",
        "/v1/responses/{response_id}",
        "OpenAI",
        "Forget a response",
        {JSON: DeletedResponse},
    ),
    Operation(
        "POST",
        "/v1/responses/{response_id}/cancel",
        "OpenAI",
        "Cancel one in the background",
        {JSON: ResponseObject},
    ),
    Operation(
        "GET",
        "/v1/responses/{response_id}/input_items",
        "OpenAI",
        "What a response was asked",
        {JSON: InputItems},
        query=ItemsQuery,
    ),
    Operation(
        "POST",
        "/v1/requests/cancel",
        "Beyond OpenAI",
        "End what is generated for a request",
        {JSON: CancelAnswer},
        (CancelRequest,),
        {"by its X-Request-Id": {"request_id": "req_1"}},
    ),
]
