"""Every route of this service, with examples that run. A test sends each of them to a real server,
and another sees to it that no route is left out."""

from api.batch_operations import BATCHES
from api.chat_request import ChatRequest
from api.classify import Classifications
from api.classify_request import ClassifyRequest
from api.embeddings import EmbeddingRequest, Embeddings
from api.generating_operations import GENERATION, HELLO
from api.models import ModelList, ModelObject
from api.operation import JSON, MODEL, TEXT, Operation
from api.preset_routes import PresetAnswer
from api.presets import SummarizeRequest, TranslateRequest
from api.rerank import Ranking, RerankRequest
from api.score import PairScores, ScoreRequest
from api.tokenization import TextToTokenize, Tokens, TokensText, TokensToRead

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
