"""Texts of any length through a model of bounded context: cut into chunks, ask about each, join the
answers, and where one answer is wanted, ask again."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from api.answer import Json
from api.answer_blocks import AnswerBlocks, BlockKind
from api.chat_request import ChatRequest
from api.delivery import DeliveryLimits, deadline_error
from api.errors import InvalidRequestError
from api.generation import Usage
from api.generator import Generator
from api.json_body import validated
from api.served_model import ServedModel
from api.text_chunks import Chunk, chunks

MAX_CHUNKS = 4096
MIN_ROOM = 32
"""Below that summaries might be no shorter than what they are of."""

Messages = Callable[[str], list[Json]]
"""What is asked about one chunk."""

MAX_TRANSLATED_TOKENS = 2000
MAX_SUMMARIZED_TOKENS = 8000
"""Of a chunk, where the context would let in more: in longer ones models begin to leave things
out."""


@dataclass(slots=True)
class LongAnswer:
    text: str
    is_cut: bool
    """Some chunk's answer did not come to its end."""
    usage: Usage


class LongText:
    """Both methods raise ApiError."""

    def __init__(self, served: ServedModel, generator: Generator, limits: DeliveryLimits) -> None:
        self._served = served
        self._generator = generator
        self._limits = limits

    async def mapped(self, text: str, messages: Messages, max_sentences: int | None) -> LongAnswer:
        """Every chunk's answer in its place, with the whitespace of the text between them."""
        room = await self._room(messages)
        cut = await self._cut(text, min(room // 3, MAX_TRANSLATED_TOKENS), max_sentences)
        return await self._in_time(self._answers(cut, messages, room // 2))

    async def reduced(self, text: str, messages: Messages, max_sentences: int | None) -> LongAnswer:
        """One answer to the answers to all chunks. `max_sentences` bounds the chunks of the text
        itself. An answer has at most a quarter of a chunk's tokens; bytes that make no character
        come back as three times as many, so after a round that left more than half of the chunks
        it may have half as many."""
        return await self._in_time(self._reduced(text, messages, max_sentences))

    async def _reduced(
        self, text: str, messages: Messages, max_sentences: int | None
    ) -> LongAnswer:
        max_tokens = min(await self._room(messages) // 2, MAX_SUMMARIZED_TOKENS)
        total = LongAnswer(text, False, Usage())
        max_answer_tokens, num_before = max_tokens // 4, MAX_CHUNKS * 2
        while True:
            cut = await self._cut(total.text, max_tokens, max_sentences)
            if len(cut) * 2 > num_before:
                max_answer_tokens //= 2
            num_before = len(cut)
            cut = [Chunk(chunk.text, "\n") for chunk in cut]
            answer = await self._answers(cut, messages, max_answer_tokens)
            total = LongAnswer(
                answer.text.strip(), total.is_cut or answer.is_cut, _sum(total.usage, answer.usage)
            )
            if len(cut) <= 1:
                return total
            max_sentences = None

    async def _room(self, messages: Messages) -> int:
        """Tokens of the context that are left for a chunk and the answer to it. Raises
        InvalidRequestError where they would not be worth the while."""
        num_around = len(await self._generator.chat_ids(self._request(messages("."), 1)))
        limit = self._served.runner.limits.max_model_len
        if limit - num_around < MIN_ROOM:
            raise InvalidRequestError(
                f"{self._served.name} takes {limit} tokens, of which the question around a text "
                f"has {num_around}; the rest is too little. Ask a model of longer context.",
                param="model",
                code="context_length_exceeded",
            )
        return limit - num_around

    async def _cut(self, text: str, max_tokens: int, max_sentences: int | None) -> list[Chunk]:
        """Raises InvalidRequestError for more chunks than one call may take."""
        tokenizer = self._served.ready_text().tokenizer

        def num_tokens(piece: str) -> int:
            """Without tokenising again and again what is far too long."""
            least = len(piece) // tokenizer.max_token_bytes
            return least if least > max_tokens else len(tokenizer.encode_answer(piece))

        def cut() -> list[Chunk]:
            found = chunks(
                text,
                num_tokens=num_tokens,
                max_tokens=max_tokens,
                max_sentences=max_sentences,
            )
            return list(islice(found, MAX_CHUNKS + 1))

        found = await asyncio.to_thread(cut)
        if len(found) > MAX_CHUNKS:
            raise InvalidRequestError(
                f"text falls into more than {MAX_CHUNKS} chunks, which one call takes. Split it, "
                "or raise max_chunk_sentences.",
                param="text",
            )
        return found

    async def _in_time(self, work: Awaitable[LongAnswer]) -> LongAnswer:
        try:
            async with asyncio.timeout(self._limits.answer_s):
                return await work
        except TimeoutError:
            raise deadline_error(self._limits) from None

    async def _answers(
        self, cut: Sequence[Chunk], messages: Messages, max_tokens: int
    ) -> LongAnswer:
        """As many at once as the engine computes, so that one call does not take the whole queue
        from the others."""
        window = asyncio.Semaphore(self._served.runner.limits.max_num_seqs)

        async def one(chunk: Chunk) -> LongAnswer:
            async with window:
                return await self._answer(messages(chunk.text), max_tokens)

        tasks = [asyncio.create_task(one(chunk)) for chunk in cut]
        try:
            answers = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return LongAnswer(
            "".join(answer.text + chunk.gap for answer, chunk in zip(answers, cut, strict=True)),
            any(answer.is_cut for answer in answers),
            _sum(*(answer.usage for answer in answers)),
        )

    async def _answer(self, messages: list[Json], max_tokens: int) -> LongAnswer:
        """Without what the model thought."""
        request = self._request(messages, max_tokens)
        chat = await self._generator.chat(request, {"prompt": "text"})
        try:
            [deltas] = await chat.generation.texts()
        finally:
            chat.generation.abort()
        blocks = AnswerBlocks(chat.parsers[0], chat.call_id_length)
        for delta in deltas:
            for _ in blocks.add(delta):
                pass  # only what they add up to is wanted
        text = "".join(block.text for block in blocks.blocks if block.kind is BlockKind.TEXT)
        is_cut = deltas[-1].finish_reason == "length"
        return LongAnswer(text.strip(), is_cut, chat.generation.usage)

    def _request(self, messages: list[Json], max_tokens: int) -> ChatRequest:
        fields = {
            "model": self._served.name,
            "messages": messages,
            "temperature": 0.0,
            "max_tokens": max(1, max_tokens),
        }
        return validated(fields, ChatRequest)


def _sum(*usages: Usage) -> Usage:
    return Usage(
        sum(usage.prompt_tokens for usage in usages),
        sum(usage.completion_tokens for usage in usages),
        sum(usage.cached_tokens for usage in usages),
    )
