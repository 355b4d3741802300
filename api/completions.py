"""The two generating routes: request -> token ids -> generation -> answer."""

import time
import uuid
from collections.abc import Sequence
from typing import TypeVar

from starlette.requests import Request

from api.chat_answer import ChatAnswer
from api.chat_request import ChatRequest
from api.choice_text import ChoiceText
from api.completion_answer import CompletionAnswer
from api.completion_request import CompletionRequest, Prompt
from api.delivery import Delivery, DeliveryLimits
from api.errors import InvalidRequestError, api_error
from api.generation import Generation
from api.generation_fields import GenerationFields
from api.json_body import off_loop, read_json
from api.metrics import Metrics
from api.served_model import ServedModel
from runners.engine.errors import EngineError
from runners.engine.request import GenerationRequest
from runners.engine.sampling_params import SamplingParams
from runners.errors import TextError
from runners.tokenizer import Tokenizer

SHORT_PROMPT_CHARS = 4096
"""Tokenised on the event loop; a thread's round trip would cost more than it saves."""

TokenIds = tuple[int, ...]
RequestModel = TypeVar("RequestModel", bound=GenerationFields)


class Completions:
    """Serves POST /v1/chat/completions and POST /v1/completions from one model."""

    def __init__(
        self,
        served: ServedModel,
        metrics: Metrics,
        *,
        max_body_bytes: int,
        limits: DeliveryLimits,
    ) -> None:
        self._served = served
        self._metrics = metrics
        self._max_body_bytes = max_body_bytes
        self._limits = limits

    async def chat(self, http: Request) -> Delivery:
        """Raises ApiError or ClientDisconnectedError, with nothing queued."""
        request = await self._read(http, ChatRequest)
        tokenizer = self._served.ready_tokenizer()
        names = {"prompt": "messages", "logprobs": "top_logprobs"}
        if request.max_completion_tokens is not None:
            names["max_tokens"] = "max_completion_tokens"
        try:
            params = request.sampling_params(
                max_tokens=request.token_limit, logprobs=request.num_logprobs
            )
            prompt = await self._chat_ids(tokenizer, request)
            generation = self._start(request, tokenizer, [prompt], params, continues=False)
        except (EngineError, TextError) as error:
            raise api_error(error, names) from error
        answer = ChatAnswer(
            f"chatcmpl-{uuid.uuid4().hex}",
            int(time.time()),
            self._served.name,
            tokenizer,
            num_choices=params.n,
            wants_logprobs=params.logprobs is not None,
            include_usage=request.include_usage,
        )
        return Delivery(generation, answer, stream=bool(request.stream), limits=self._limits)

    async def text(self, http: Request) -> Delivery:
        """Raises ApiError or ClientDisconnectedError, with nothing queued."""
        request = await self._read(http, CompletionRequest)
        tokenizer = self._served.ready_tokenizer()
        try:
            params = request.sampling_params(
                max_tokens=request.max_tokens, logprobs=request.logprobs
            )
            prompts = await self._prompt_ids(tokenizer, request.prompts)
            echoes = _echoes(request, tokenizer) if request.echo else [""] * len(prompts)
            generation = self._start(request, tokenizer, prompts, params, continues=True)
        except EngineError as error:
            raise api_error(error) from error
        answer = CompletionAnswer(
            f"cmpl-{uuid.uuid4().hex}",
            int(time.time()),
            self._served.name,
            tokenizer,
            echoes=[echo for echo in echoes for _ in range(params.n)],
            num_logprobs=params.logprobs,
            include_usage=request.include_usage,
        )
        return Delivery(generation, answer, stream=bool(request.stream), limits=self._limits)

    async def _read(self, http: Request, model: type[RequestModel]) -> RequestModel:
        request = await read_json(http.scope, http.receive, model, max_bytes=self._max_body_bytes)
        self._served.check_name(request.model)
        return request

    async def _chat_ids(self, tokenizer: Tokenizer, request: ChatRequest) -> TokenIds:
        messages = request.plain_messages
        num_chars = sum(len(str(message.get("content"))) for message in messages)
        self._check_length(tokenizer, num_chars, "messages")
        is_long = num_chars > SHORT_PROMPT_CHARS
        return await off_loop(is_long, lambda: tokenizer.encode_chat(messages))

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

    def _start(
        self,
        request: GenerationFields,
        tokenizer: Tokenizer,
        prompts: Sequence[TokenIds],
        params: SamplingParams,
        *,
        continues: bool,
    ) -> Generation:
        """Raises EngineError."""
        call_id = uuid.uuid4().hex
        requests = [
            GenerationRequest(f"{call_id}-{i}", prompt, params, request.priority)
            for i, prompt in enumerate(prompts)
        ]
        choices = [
            ChoiceText(
                tokenizer,
                index,
                stop=request.stop,
                min_tokens=params.min_tokens,
                continues=continues,
            )
            for index in range(len(prompts) * params.n)
        ]
        return Generation(self._served.runner, requests, choices, self._metrics)


def _echoes(request: CompletionRequest, tokenizer: Tokenizer) -> list[str]:
    return [
        prompt if isinstance(prompt, str) else tokenizer.decode(prompt)
        for prompt in request.prompts
    ]
