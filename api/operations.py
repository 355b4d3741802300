"""Every route of this service, with examples that run. A test sends each of them to a real server,
and another sees to it that no route is left out."""

from api.answer import Json
from api.batch_shapes import BatchObject
from api.batches import Batches, BatchesQuery, BatchRequest
from api.cancel import CancelAnswer, CancelRequest
from api.chat_batch import ChatBatchLine, ChatBatchRequest
from api.chat_request import ChatRequest
from api.chat_shapes import ChatCompletion, ChatCompletionChunk
from api.classify import Classifications
from api.classify_request import ClassifyRequest
from api.completion_request import CompletionRequest
from api.completion_shapes import Completion, CompletionChunk
from api.embeddings import EmbeddingRequest, Embeddings
from api.errors import ErrorBody
from api.files import DeletedFile, Files, FilesQuery
from api.messages_request import CountTokensRequest, MessagesRequest
from api.messages_shapes import Message, MessageEvent, TokenCount
from api.models import ModelList, ModelObject
from api.operation import EVENTS, JSON, MODEL, TEXT, Operation
from api.preset_routes import PresetAnswer
from api.presets import SummarizeRequest, TranslateRequest
from api.rerank import Ranking, RerankRequest
from api.responses import DeletedResponse, GetQuery, InputItems, InputTokens, ItemsQuery
from api.responses_events import ResponseEvent
from api.responses_request import ResponsesRequest
from api.responses_shapes import ResponseObject
from api.score import PairScores, ScoreRequest
from api.stored_file import FileObject
from api.tokenization import TextToTokenize, Tokens, TokensText, TokensToRead

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
SINGLE_FORWARDS = [
    Operation(
        "POST",
        "/v1/embeddings",
        "OpenAI",
        "Vectors of texts",
        {JSON: Embeddings},
        (EmbeddingRequest,),
        {"two texts": {"model": MODEL, "input": ["a dog", "a cat"]}},
        model="embedding",
    ),
    Operation(
        "POST",
        "/v1/rerank",
        "Beyond OpenAI",
        "Documents by relevance to a query",
        {JSON: Ranking},
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
        {JSON: PairScores},
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
        {JSON: Classifications},
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
        {JSON: PresetAnswer, TEXT: str},
        (TranslateRequest,),
        {
            "two sentences": {
                "text": "The cat is small. The house is old.",
                "target_language": "French",
                "max_chunk_sentences": 1,
            }
        },
        text_example="The cat is small. The house is old.",
    ),
    Operation(
        "POST",
        "/v1/summarize",
        "Presets",
        "Summarise a text of any length",
        {JSON: PresetAnswer, TEXT: str},
        (SummarizeRequest,),
        {"a report": {"text": "A storm reached Korvel on Monday. It damaged 41 houses."}},
        text_example="A storm reached Korvel on Monday. It damaged 41 houses.",
    ),
]
BATCHES = [
    Operation(
        "POST",
        "/v1/files",
        "OpenAI",
        "Upload the lines of a batch",
        {JSON: FileObject},
        uploads={
            "file": "JSONL, a request per line",
            "purpose": "batch",
            "expires_after[anchor]": "created_at",
            "expires_after[seconds]": "3600 to 2592000",
        },
    ),
    Operation(
        "GET",
        "/v1/files",
        "OpenAI",
        "The files that are kept",
        {JSON: Files},
        query=FilesQuery,
    ),
    Operation("GET", "/v1/files/{file_id}", "OpenAI", "A file's name and size", {JSON: FileObject}),
    Operation("DELETE", "/v1/files/{file_id}", "OpenAI", "Delete a file", {JSON: DeletedFile}),
    Operation(
        "GET",
        "/v1/files/{file_id}/content",
        "OpenAI",
        "What a file holds",
        {"application/octet-stream": bytes},
    ),
    Operation(
        "POST",
        "/v1/batches",
        "OpenAI",
        "Answer a file of requests when there is time",
        {JSON: BatchObject},
        (BatchRequest,),
        {
            "chat": {
                "input_file_id": "file-...",
                "endpoint": "/v1/chat/completions",
                "completion_window": "24h",
            }
        },
    ),
    Operation(
        "GET",
        "/v1/batches",
        "OpenAI",
        "The batches that are kept",
        {JSON: Batches},
        query=BatchesQuery,
    ),
    Operation("GET", "/v1/batches/{batch_id}", "OpenAI", "How far a batch is", {JSON: BatchObject}),
    Operation(
        "POST", "/v1/batches/{batch_id}/cancel", "OpenAI", "Cancel a batch", {JSON: BatchObject}
    ),
]
SERVICE = [
    Operation("GET", "/v1/models", "OpenAI", "What is served", {JSON: ModelList}),
    Operation("GET", "/v1/models/{name:path}", "OpenAI", "One model", {JSON: ModelObject}),
    Operation(
        "POST",
        "/tokenize",
        "Beyond OpenAI",
        "A prompt's or a conversation's tokens",
        {JSON: Tokens},
        (TextToTokenize, ChatRequest),
        {"a text": {"model": MODEL, "prompt": "Hello!"}, "a conversation": HELLO},
    ),
    Operation(
        "POST",
        "/detokenize",
        "Beyond OpenAI",
        "The text of tokens",
        {JSON: TokensText},
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
        {TEXT: str},
    ),
    Operation(
        "GET", "/client/{name}", "LangChain", "The client's wheel", {"application/zip": bytes}
    ),
]
OPERATIONS = [*GENERATION, *SINGLE_FORWARDS, *PRESETS, *BATCHES, *SERVICE, *CLIENT]
