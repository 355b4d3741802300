"""From a checked request to a generation under way. Every route that generates comes through here,
whatever shape its requests and answers have."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.chat_request import ChatRequest
from api.choice_text import ChoiceText
from api.completion_request import CompletionRequest, Prompt
from api.errors import InvalidRequestError, api_error
from api.generation import Generation
from api.generation_fields import GenerationFields
from api.grammars import chat_grammar, text_grammar
from api.json_body import off_loop
from api.metrics import Metrics
from api.served_model import ServedModel
from api.tools import prompt_tools
from runners.dialects.message_parser import MessageParser
from runners.engine.errors import EngineError
from runners.engine.grammar import Grammar
from runners.engine.request import GenerationRequest
from runners.engine.sampling_params import SamplingParams
from runners.errors import TextError
from runners.model_text import ModelText
from runners.tokenizer import Tokenizer

SHORT_PROMPT_CHARS = 4096
"""Tokenised on the event loop; a thread's round trip would cost more than it saves."""

TokenIds = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ChatGeneration:
    """The next message of a conversation, and what takes its text apart."""

    generation: Generation
    tokenizer: Tokenizer
    parsers: Sequence[MessageParser | None]
    """One per choice; None where all its text is content."""
    call_id_length: int | None


@dataclass(frozen=True, slots=True)
class TextGeneration:
    generation: Generation
    tokenizer: Tokenizer


@dataclass(frozen=True, slots=True)
class _Task:
    """What one call asks of the engine, and how its tokens are read."""

    prompts: Sequence[TokenIds]
    params: SamplingParams
    grammar: Grammar | None
    continues: bool
    symbols: Mapping[int, str] = field(default_factory=dict)


class Generator:
    """Both methods that start raise ApiError with nothing queued. Whoever takes the generation
    aborts it when done."""

    def __init__(self, served: ServedModel, metrics: Metrics) -> None:
        self._served = served
        self._metrics = metrics

    async def chat(
        self, request: ChatRequest, field_names: Mapping[str, str] | None = None
    ) -> ChatGeneration:
        """`field_names`: what the caller calls the engine's fields, where that differs from
        OpenAI's chat API."""
        self._served.check_name(request.model)
        text = self._served.ready_text()
        names = {"prompt": "messages", "logprobs": "top_logprobs", **(field_names or {})}
        if request.max_completion_tokens is not None:
            names.setdefault("max_tokens", "max_completion_tokens")
        try:
            params = request.sampling_params(
                max_tokens=request.token_limit, logprobs=request.num_logprobs
            )
            prompt = await self._chat_ids(text, request, names["prompt"])
            within = text.dialect.begins_within_reasoning(prompt)
            grammar = await chat_grammar(text, request, within_reasoning=within)
            calls_tools = bool(request.offered_tools)
            symbols = text.dialect.symbols(calls_tools=calls_tools)
            task = _Task([prompt], params, grammar, continues=False, symbols=symbols)
            generation = self._start(request, text.tokenizer, task)
        except (EngineError, TextError) as error:
            raise api_error(error, {**names, "messages": names["prompt"]}) from error
        tool_format = text.dialect.tool_format
        return ChatGeneration(
            generation,
            text.tokenizer,
            [
                text.dialect.parser(within_reasoning=within, calls_tools=calls_tools)
                for _ in range(params.n)
            ],
            tool_format.call_id_length if tool_format else None,
        )

    async def text(self, request: CompletionRequest) -> TextGeneration:
        self._served.check_name(request.model)
        text = self._served.ready_text()
        try:
            params = request.sampling_params(
                max_tokens=request.max_tokens, logprobs=request.logprobs
            )
            prompts = await self._prompt_ids(text.tokenizer, request.prompts)
            grammar = await text_grammar(text, request)
            task = _Task(prompts, params, grammar, continues=True)
            generation = self._start(request, text.tokenizer, task)
        except (EngineError, TextError) as error:
            raise api_error(error) from error
        return TextGeneration(generation, text.tokenizer)

    async def chat_ids(self, request: ChatRequest, field: str = "messages") -> TokenIds:
        """The prompt that `chat` would run. `field`: what the caller calls the messages. Raises
        ApiError."""
        self._served.check_name(request.model)
        try:
            return await self._chat_ids(self._served.ready_text(), request, field)
        except TextError as error:
            raise api_error(error, {"messages": field}) from error

    async def _chat_ids(self, text: ModelText, request: ChatRequest, field: str) -> TokenIds:
        messages, tools = request.plain_messages, prompt_tools(request.offered_tools)
        if tools and text.dialect.tool_format is None:
            raise InvalidRequestError(
                "tools are not supported: this model's chat template has no form of tool calls "
                "that is known here. Leave them out.",
                param="tools",
                code="unsupported_parameter",
            )
        num_chars = sum(map(_num_chars, messages))
        self._check_length(text.tokenizer, num_chars, field)
        is_long = len(str(messages)) + len(str(tools)) > SHORT_PROMPT_CHARS
        return await off_loop(is_long, lambda: text.tokenizer.encode_chat(messages, tools))

    async def _prompt_ids(self, tokenizer: Tokenizer, prompts: Sequence[Prompt]) -> list[TokenIds]:
        texts = [prompt for prompt in prompts if isinstance(prompt, str)]
        self._check_length(tokenizer, max(map(len, texts), default=0), "prompt")
        is_long = sum(map(len, texts)) > SHORT_PROMPT_CHARS

        def encode() -> list[TokenIds]:
            return [tokenizer.encode(p) if isinstance(p, str) else p for p in prompts]

        return await off_loop(is_long, encode)

    def _check_length(self, tokenizer: Tokenizer, num_chars: int, field: str) -> None:
        """Refuse without tokenising what no tokenisation could make fit."""
        limit = self._served.runner.limits.max_model_len
        least = num_chars // tokenizer.max_token_bytes
        if least > limit:
            raise InvalidRequestError(
                f"{field} has {num_chars} characters, which are at least {least} tokens; "
                f"{self._served.name} takes {limit}. Shorten it.",
                param=field,
                code="context_length_exceeded",
            )

    def _start(self, request: GenerationFields, tokenizer: Tokenizer, task: _Task) -> Generation:
        """Raises EngineError."""
        call_id, params = uuid.uuid4().hex, task.params
        requests = [
            GenerationRequest(f"{call_id}-{i}", prompt, params, request.priority, task.grammar)
            for i, prompt in enumerate(task.prompts)
        ]
        choices = [
            ChoiceText(
                tokenizer,
                index,
                stop=request.stop,
                min_tokens=params.min_tokens,
                continues=task.continues,
                symbols=task.symbols,
            )
            for index in range(len(task.prompts) * params.n)
        ]
        return Generation(self._served.runner, requests, choices, self._metrics)


def _num_chars(message: Mapping[str, Any]) -> int:
    """Of what every template writes out."""
    calls = message.get("tool_calls", ())
    arguments = sum(len(call["function"]["arguments"]) for call in calls)
    return len(str(message.get("content") or "")) + arguments
