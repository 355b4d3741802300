"""POST /v1/chat/completions, the response: `chat.completion`, or `chat.completion.chunk`s."""

from collections.abc import Sequence

import orjson

from api.answer import DONE, LOWEST_LOGPROB, event, token_name, usage_json
from api.chat_shapes import (
    AlternativeToken,
    AnsweredMessage,
    ChatChoice,
    ChatCompletion,
    ChatCompletionChunk,
    ChatLogprobs,
    ChosenToken,
    FinishReason,
)
from api.choice_text import Delta, TokenRecord
from api.errors import ApiError
from api.generation import Usage
from api.message_json import delta_jsons, message_json
from runners.dialects.message_parser import MessageParser
from runners.tokenizer import Tokenizer


class ChatAnswer:
    """A stream's chunks differ in a few bytes only; the rest is written once."""

    def __init__(
        self,
        answer_id: str,
        created: int,
        model: str,
        tokenizer: Tokenizer,
        *,
        parsers: Sequence[MessageParser | None],
        call_id_length: int | None,
        wants_logprobs: bool,
        include_usage: bool,
    ) -> None:
        """`parsers`: one per choice, None where all its text is content."""
        self._id, self._created, self._model = answer_id, created, model
        self._tokenizer = tokenizer
        self._parsers = parsers
        self._call_id_length = call_id_length
        self._wants_logprobs = wants_logprobs
        self._include_usage = include_usage
        head = orjson.dumps(self._chunk_without_choices())
        self._chunk_head = b"data: " + head.removesuffix(b"]}") + b'{"index":'
        self._chunk_tail = b'}],"usage":null}\n\n' if include_usage else b"}]}\n\n"

    def whole(self, choices: Sequence[Sequence[Delta]], usage: Usage) -> bytes:
        body: ChatCompletion = {
            "id": self._id,
            "object": "chat.completion",
            "created": self._created,
            "model": self._model,
            "choices": [self._choice(index, deltas) for index, deltas in enumerate(choices)],
            "usage": usage_json(usage),
        }
        return orjson.dumps(body)

    def opening(self) -> bytes:
        delta = b'{"role":"assistant","content":"","refusal":null}'
        return b"".join(self._chunk(index, delta) for index in range(len(self._parsers)))

    def events(self, deltas: Sequence[Delta]) -> bytes:
        return b"".join(map(self._delta_events, deltas))

    def closing(self, usage: Usage) -> bytes:
        if not self._include_usage:
            return DONE
        chunk: ChatCompletionChunk = {**self._chunk_without_choices(), "usage": usage_json(usage)}
        return event(orjson.dumps(chunk)) + DONE

    def failure(self, error: ApiError) -> bytes:
        return event(error.body)

    def _chunk_without_choices(self) -> ChatCompletionChunk:
        return {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._model,
            "choices": [],
        }

    def _choice(self, index: int, deltas: Sequence[Delta]) -> ChatChoice:
        records = [record for delta in deltas for record in delta.records]
        text = "".join(delta.text for delta in deltas)
        parser = self._parsers[index]
        if parser is None:
            message: AnsweredMessage = {"role": "assistant", "content": text, "refusal": None}
        else:
            message = message_json(parser, text, self._call_id_length)
        return {
            "index": index,
            "message": message,
            "logprobs": self._logprobs(records) if self._wants_logprobs else None,
            "finish_reason": _finish_reason(deltas[-1], parser),
        }

    def _delta_events(self, delta: Delta) -> bytes:
        parser = self._parsers[delta.index]
        events = b""
        if parser is not None:
            events = self._parsed_events(delta, parser)
        elif delta.text or delta.records:
            content = b'{"content":' + orjson.dumps(delta.text) + b"}"
            events = self._chunk(delta.index, content, delta.records)
        if delta.finish_reason is not None:
            reason = _finish_reason(delta, parser)
            events += self._chunk(delta.index, b"{}", finish_reason=reason)
        return events

    def _parsed_events(self, delta: Delta, parser: MessageParser) -> bytes:
        """Logprobs go with the first piece, or with an empty one: none are lost."""
        parts = parser.add(delta.text)
        if delta.finish_reason is not None:
            parts += parser.finish()
        jsons = delta_jsons(parts, self._call_id_length)
        if delta.records and not jsons:
            jsons = [b"{}"]
        return b"".join(
            self._chunk(delta.index, json, () if place else delta.records)
            for place, json in enumerate(jsons)
        )

    def _chunk(
        self,
        index: int,
        delta: bytes,
        records: Sequence[TokenRecord] = (),
        finish_reason: str | None = None,
    ) -> bytes:
        logprobs = orjson.dumps(self._logprobs(records)) if records else b"null"
        reason = b"null" if finish_reason is None else b'"' + finish_reason.encode() + b'"'
        return b'%b%d,"delta":%b,"logprobs":%b,"finish_reason":%b%b' % (
            self._chunk_head,
            index,
            delta,
            logprobs,
            reason,
            self._chunk_tail,
        )

    def _logprobs(self, records: Sequence[TokenRecord]) -> ChatLogprobs:
        content: list[ChosenToken] = [
            {
                **self._token(record.logprob.token_id, record.logprob.logprob),
                "top_logprobs": [self._token(*entry) for entry in record.logprob.top],
            }
            for record in records
        ]
        return {"content": content, "refusal": None}

    def _token(self, token_id: int, logprob: float) -> AlternativeToken:
        spelt = self._tokenizer.token_bytes(token_id)
        return {
            "token": token_name(spelt),
            "logprob": max(logprob, LOWEST_LOGPROB),
            "bytes": list(spelt),
        }


def _finish_reason(delta: Delta, parser: MessageParser | None) -> FinishReason | None:
    has_called = parser is not None and parser.num_calls > 0
    return "tool_calls" if has_called and delta.finish_reason == "stop" else delta.finish_reason
