"""One choice of a generation: the engine's token ids in, the text and logprobs that may go out."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from runners.engine.request import FinishReason, SequenceOutput, TokenLogprob
from runners.stop_strings import StopStrings
from runners.tokenizer import Tokenizer

TextEnding = Literal["stop", "length"]
"""Why an answer ended, in OpenAI's words."""

_ENDINGS: Mapping[FinishReason, TextEnding] = {
    FinishReason.STOP: "stop",
    FinishReason.COMPLETE: "stop",
    FinishReason.LENGTH: "length",
}
"""All other reasons are told as errors."""


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """One token's logprob and where in the choice's text it begins."""

    text_offset: int
    logprob: TokenLogprob


@dataclass(frozen=True, slots=True)
class Delta:
    """What one choice gained. The last one carries the finish reason."""

    index: int
    text: str
    records: Sequence[TokenRecord] = ()
    finish_reason: TextEnding | None = None
    stop_string: str | None = None
    """The one that ended it, if any did."""

    def then(self, later: "Delta") -> "Delta":
        """Both as one."""
        return Delta(
            self.index,
            self.text + later.text,
            [*self.records, *later.records],
            later.finish_reason,
            later.stop_string,
        )


class ChoiceText:
    """Ends where a stop string begins. A stop token is counted, but is no part of the text."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        index: int,
        *,
        stop: Sequence[str],
        min_tokens: int,
        continues: bool,
        symbols: Mapping[int, str] | None = None,
    ) -> None:
        """`continues`: the text goes on from a prompt. Stop strings count after `min_tokens`.
        `symbols`: see ChatDialect.symbols."""
        self.index = index
        self.num_tokens = 0
        self.is_finished = False
        self._decoder = tokenizer.decoder(continues=continues, symbols=symbols)
        self._stop = StopStrings(stop)
        self._min_tokens = min_tokens
        self._num_decoded = 0
        self._num_sent = 0
        self._records: deque[TokenRecord] = deque()

    def add(self, output: SequenceOutput) -> Delta:
        """Raises nothing; the caller has looked at errors."""
        reason = output.finish_reason
        ids = output.token_ids
        self.num_tokens += len(ids)
        if reason is FinishReason.STOP:
            ids = ids[:-1]
        text = ""
        for place, token_id in enumerate(ids):
            if output.logprobs:
                self._records.append(TokenRecord(self._num_decoded, output.logprobs[place]))
            is_early = self.num_tokens - len(output.token_ids) + place < self._min_tokens
            text += self._through(self._decoder.add(token_id), unchecked=is_early)
        if reason is not None:
            text += self._through(self._decoder.finish()) + self._stop.finish()
        self._num_sent += len(text)
        if self._stop.found is not None:
            reason = FinishReason.STOP
        self.is_finished = reason is not None
        ending = None if reason is None else _ENDINGS[reason]
        return Delta(self.index, text, self._due_records(), ending, self._stop.found)

    def _through(self, decoded: str, *, unchecked: bool = False) -> str:
        self._num_decoded += len(decoded)
        return decoded if unchecked else self._stop.add(decoded)

    def _due_records(self) -> list[TokenRecord]:
        """Of the tokens whose text has begun to go out."""
        due = []
        cut = self._stop.found is not None
        while self._records:
            begun = self._records[0].text_offset < self._num_sent
            if not begun and (cut or not self.is_finished):
                break
            due.append(self._records.popleft())
        return due
