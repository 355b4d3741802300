"""POST /v1/completions, the response: OpenAI's `text_completion`, whole and in chunks alike."""

from collections.abc import Sequence

import orjson

from api.answer import DONE, LOWEST_LOGPROB, event, token_name, usage_json
from api.choice_text import Delta, TextEnding, TokenRecord
from api.completion_shapes import (
    Completion,
    CompletionChoice,
    CompletionChunk,
    CompletionHead,
    CompletionLogprobs,
)
from api.errors import ApiError
from api.generation import Usage
from runners.tokenizer import Tokenizer


class CompletionAnswer:
    """`echoes` has the text that each choice begins with, empty where the prompt is not echoed."""

    def __init__(
        self,
        answer_id: str,
        created: int,
        model: str,
        tokenizer: Tokenizer,
        *,
        echoes: Sequence[str],
        num_logprobs: int | None,
        include_usage: bool,
    ) -> None:
        self._head: CompletionHead = {
            "id": answer_id,
            "object": "text_completion",
            "created": created,
            "model": model,
        }
        self._tokenizer = tokenizer
        self._echoes = echoes
        self._num_logprobs = num_logprobs
        self._include_usage = include_usage
        self._chunk_head = b"data: " + orjson.dumps(self._head)[:-1] + b',"choices":['
        self._chunk_tail = b'],"usage":null}\n\n' if include_usage else b"]}\n\n"

    def whole(self, choices: Sequence[Sequence[Delta]], usage: Usage) -> bytes:
        body: Completion = {
            **self._head,
            "choices": [
                self._choice(
                    index,
                    self._echoes[index] + "".join(delta.text for delta in deltas),
                    [record for delta in deltas for record in delta.records],
                    deltas[-1].finish_reason,
                )
                for index, deltas in enumerate(choices)
            ],
            "usage": usage_json(usage),
        }
        return orjson.dumps(body)

    def opening(self) -> bytes:
        return b"".join(
            self._chunk(Delta(index, echo)) for index, echo in enumerate(self._echoes) if echo
        )

    def events(self, deltas: Sequence[Delta]) -> bytes:
        return b"".join(map(self._chunk, deltas))

    def closing(self, usage: Usage) -> bytes:
        if not self._include_usage:
            return DONE
        chunk: CompletionChunk = {**self._head, "choices": [], "usage": usage_json(usage)}
        return event(orjson.dumps(chunk)) + DONE

    def failure(self, error: ApiError) -> bytes:
        return event(error.body)

    def _chunk(self, delta: Delta) -> bytes:
        choice = self._choice(delta.index, delta.text, delta.records, delta.finish_reason)
        return self._chunk_head + orjson.dumps(choice) + self._chunk_tail

    def _choice(
        self,
        index: int,
        text: str,
        records: Sequence[TokenRecord],
        finish_reason: TextEnding | None,
    ) -> CompletionChoice:
        wants_logprobs = self._num_logprobs is not None
        return {
            "index": index,
            "text": text,
            "logprobs": self._logprobs(records) if wants_logprobs else None,
            "finish_reason": finish_reason,
        }

    def _logprobs(self, records: Sequence[TokenRecord]) -> CompletionLogprobs:
        tops = [
            {self._name(token_id): max(logprob, LOWEST_LOGPROB) for token_id, logprob in top}
            for top in (record.logprob.top for record in records)
        ]
        return {
            "tokens": [self._name(record.logprob.token_id) for record in records],
            "token_logprobs": [max(record.logprob.logprob, LOWEST_LOGPROB) for record in records],
            "top_logprobs": tops if self._num_logprobs else None,
            "text_offset": [record.text_offset for record in records],
        }

    def _name(self, token_id: int) -> str:
        return token_name(self._tokenizer.token_bytes(token_id))
