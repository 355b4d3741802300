"""Every route of this service, with examples that run. A test sends each of them to a real server,
and another sees to it that no route is left out."""

from api.answer import Json
from api.batches import BatchesQuery, BatchRequest
from api.cancel import CancelRequest
from api.chat_batch import ChatBatchRequest
from api.chat_request import ChatRequest
from api.classify_request import ClassifyRequest
from api.completion_request import CompletionRequest
from api.embeddings import EmbeddingRequest
from api.files import FilesQuery
from api.messages_request import CountTokensRequest, MessagesRequest
from api.operation import MODEL, Operation
from api.presets import SummarizeRequest, TranslateRequest
from api.rerank import RerankRequest
from api.responses import GetQuery, ItemsQuery
from api.responses_request import ResponsesRequest
from api.score import ScoreRequest
from api.tokenization import TextToTokenize, TokensToRead

EVENTS = ("application/json", "text/event-stream")
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
        (ChatRequest,),
        CHAT,
        answers=EVENTS,
    ),
    Operation(
        "POST",
        "/v1/chat/completions/batch",
        "Beyond OpenAI",
        "Continue many conversations in one call",
        (ChatBatchRequest,),
        {"two": {"requests": [{**HELLO, "max_tokens": 60}, {**HELLO, "max_tokens": 5}]}},
        answers=("application/x-ndjson",),
    ),
    Operation(
        "POST",
        "/v1/completions",
        "OpenAI",
        "Continue a text",
        (CompletionRequest,),
        {"a text": {"model": MODEL, "prompt": "Once upon a time", "max_tokens": 16}},
        answers=EVENTS,
    ),
    Operation(
        "POST",
        "/v1/messages",
        "Anthropic",
        "Continue a conversation",
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
        answers=EVENTS,
    ),
    Operation(
        "POST",
        "/v1/messages/count_tokens",
        "Anthropic",
        "Count a prompt's tokens",
        (CountTokensRequest,),
        {"a question": HELLO},
    ),
    Operation(
        "POST",
        "/v1/responses",
        "OpenAI",
        "Make a response, and keep it",
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
        answers=EVENTS,
    ),
    Operation("GET", "/v1/responses/{response_id}", "OpenAI", "A kept response", query=GetQuery),
    Operation("DELETE", "/v1/responses/{response_id}", "OpenAI", "Forget a response"),
    Operation(
        "POST", "/v1/responses/{response_id}/cancel", "OpenAI", "Cancel one in the background"
    ),
    Operation(
        "GET",
        "/v1/responses/{response_id}/input_items",
        "OpenAI",
        "What a response was asked",
        query=ItemsQuery,
    ),
    Operation(
        "POST",
        "/v1/requests/cancel",
        "Beyond OpenAI",
        "End what is generated for a request",
        (CancelRequest,),
        {"by its X-Request-Id": {"request_id": "req_1"}},
    ),
]
SINGLE_FORWARDS = [
    Operation(
        "POST",
        "/v1/embeddings",
        "OpenAI",
        "Vectors of texts",
        (EmbeddingRequest,),
        {"two texts": {"model": MODEL, "input": ["a dog", "a cat"]}},
        model="embedding",
    ),
    Operation(
        "POST",
        "/v1/rerank",
        "Beyond OpenAI",
        "Documents by relevance to a query",
        (RerankRequest,),
        {
            "the best": {
                "model": MODEL,
                "query": "a dog",
                "documents": ["The cat sleeps.", {"text": "A dog barks."}],
                "top_n": 1,
                "return_documents": True,
            }
        },
        model="ranking",
    ),
    Operation(
        "POST",
        "/v1/score",
        "Beyond OpenAI",
        "How alike texts are, pair by pair",
        (ScoreRequest,),
        {
            "one to many": {
                "model": MODEL,
                "text_1": "a dog",
                "text_2": ["The cat sleeps.", "A dog barks."],
            }
        },
        model="ranking",
    ),
    Operation(
        "POST",
        "/v1/classify",
        "Beyond OpenAI",
        "The probability of each label, without generating",
        (ClassifyRequest,),
        {
            "sentiment": {
                "model": MODEL,
                "input": ["The soup was lovely.", "What a terrible hotel!"],
                "preset": "sentiment",
            },
            "topic": {
                "model": MODEL,
                "input": "The striker scored a goal.",
                "preset": "topic",
            },
            "entailment": {
                "model": MODEL,
                "input": {"premise": "The dog sleeps.", "hypothesis": "The dog is awake."},
                "preset": "entailment",
            },
            "labels of your own": {
                "model": MODEL,
                "input": "Where is my parcel?",
                "labels": ["complaint", "question", "praise"],
                "instruction": "Is this {labels}?",
            },
        },
    ),
]
PRESETS = [
    Operation(
        "POST",
        "/v1/translate",
        "Presets",
        "Translate a text of any length",
        (TranslateRequest,),
        {
            "two sentences": {
                "text": "The cat is small. The house is old.",
                "target_language": "French",
                "max_chunk_sentences": 1,
            }
        },
        takes_text=True,
    ),
    Operation(
        "POST",
        "/v1/summarize",
        "Presets",
        "Summarise a text of any length",
        (SummarizeRequest,),
        {"a report": {"text": "A storm reached Korvel on Monday. It damaged 41 houses."}},
        takes_text=True,
    ),
]
BATCHES = [
    Operation(
        "POST",
        "/v1/files",
        "OpenAI",
        "Upload the lines of a batch",
        uploads={
            "file": "JSONL, a request per line",
            "purpose": "batch",
            "expires_after[anchor]": "created_at",
            "expires_after[seconds]": "3600 to 2592000",
        },
    ),
    Operation("GET", "/v1/files", "OpenAI", "The files that are kept", query=FilesQuery),
    Operation("GET", "/v1/files/{file_id}", "OpenAI", "A file's name and size"),
    Operation("DELETE", "/v1/files/{file_id}", "OpenAI", "Delete a file"),
    Operation(
        "GET",
        "/v1/files/{file_id}/content",
        "OpenAI",
        "What a file holds",
        answers=("application/octet-stream",),
    ),
    Operation(
        "POST",
        "/v1/batches",
        "OpenAI",
        "Answer a file of requests when there is time",
        (BatchRequest,),
        {
            "chat": {
                "input_file_id": "file-...",
                "endpoint": "/v1/chat/completions",
                "completion_window": "24h",
            }
        },
    ),
    Operation("GET", "/v1/batches", "OpenAI", "The batches that are kept", query=BatchesQuery),
    Operation("GET", "/v1/batches/{batch_id}", "OpenAI", "How far a batch is"),
    Operation("POST", "/v1/batches/{batch_id}/cancel", "OpenAI", "Cancel a batch"),
]
SERVICE = [
    Operation("GET", "/v1/models", "OpenAI", "What is served"),
    Operation("GET", "/v1/models/{name:path}", "OpenAI", "One model"),
    Operation(
        "POST",
        "/tokenize",
        "Beyond OpenAI",
        "A prompt's or a conversation's tokens",
        (TextToTokenize, ChatRequest),
        {"a text": {"model": MODEL, "prompt": "Hello!"}, "a conversation": HELLO},
    ),
    Operation(
        "POST",
        "/detokenize",
        "Beyond OpenAI",
        "The text of tokens",
        (TokensToRead,),
        {"three tokens": {"model": MODEL, "tokens": [300, 301, 302]}},
    ),
]
CLIENT = [
    Operation(
        "GET",
        "/client",
        "LangChain",
        "How to install the client of just this version",
        answers=("text/plain",),
    ),
    Operation(
        "GET", "/client/{name}", "LangChain", "The client's wheel", answers=("application/zip",)
    ),
]
OPERATIONS = [*GENERATION, *SINGLE_FORWARDS, *PRESETS, *BATCHES, *SERVICE, *CLIENT]
