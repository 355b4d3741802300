"""The two generating routes of OpenAI's: request -> generation -> answer."""

import time
import uuid

from starlette.requests import Request

from api.chat_answer import ChatAnswer
from api.chat_request import ChatRequest
from api.completion_answer import CompletionAnswer
from api.completion_request import CompletionRequest
from api.delivery import Delivery, DeliveryLimits
from api.generator import ChatGeneration, Generator
from api.json_body import read_json
from runners.tokenizer import Tokenizer


class Completions:
    """Serves POST /v1/chat/completions and POST /v1/completions from one model. An answer names it
    as the request did."""

    def __init__(
        self,
        generator: Generator,
        *,
        max_body_bytes: int,
        limits: DeliveryLimits,
    ) -> None:
        self._generator = generator
        self._max_body_bytes = max_body_bytes
        self._limits = limits

    async def chat(self, http: Request) -> Delivery:
        """Raises ApiError or ClientDisconnectedError, with nothing queued."""
        request = await read_json(
            http.scope, http.receive, ChatRequest, max_bytes=self._max_body_bytes
        )
        chat = await self._generator.chat(request)
        answer = chat_answer(request, chat)
        return Delivery(chat.generation, answer, stream=bool(request.stream), limits=self._limits)

    async def text(self, http: Request) -> Delivery:
        """Raises ApiError or ClientDisconnectedError, with nothing queued."""
        request = await read_json(
            http.scope, http.receive, CompletionRequest, max_bytes=self._max_body_bytes
        )
        text = await self._generator.text(request)
        num_choices = request.n or 1
        answer = CompletionAnswer(
            f"cmpl-{uuid.uuid4().hex}",
            int(time.time()),
            request.model,
            text.tokenizer,
            echoes=[echo for echo in _echoes(request, text.tokenizer) for _ in range(num_choices)],
            num_logprobs=request.logprobs,
            include_usage=request.include_usage,
        )
        return Delivery(text.generation, answer, stream=bool(request.stream), limits=self._limits)


def chat_answer(request: ChatRequest, chat: ChatGeneration) -> ChatAnswer:
    return ChatAnswer(
        f"chatcmpl-{uuid.uuid4().hex}",
        int(time.time()),
        request.model,
        chat.tokenizer,
        parsers=chat.parsers,
        call_id_length=chat.call_id_length,
        wants_logprobs=request.num_logprobs is not None,
        include_usage=request.include_usage,
    )


def _echoes(request: CompletionRequest, tokenizer: Tokenizer) -> list[str]:
    """What each prompt's choices begin with."""
    if not request.echo:
        return [""] * len(request.prompts)
    return [
        prompt if isinstance(prompt, str) else tokenizer.decode(prompt)
        for prompt in request.prompts
    ]
