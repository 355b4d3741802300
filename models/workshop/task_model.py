"""A model of ours as EleutherAI's lm-evaluation-harness asks its models: for the likelihood of
continuations, and for greedy answers.

Imports lm-eval, which is not among the requirements: `tasks.py` comes here where it is installed.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM
from lm_eval.models.utils import normalize_gen_kwargs
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window
from tokenizers import Tokenizer

from models.architectures.causal_lm import CausalLM
from models.architectures.loading import load_causal_lm
from models.errors import ModelError
from models.workshop.paged_text import PagedText, greedy
from models.workshop.progress import track

_TOKENS_PER_PASS = 512
_ANSWERS_PER_PASS = 16
_LOGIT_ROWS = 128
"""Rows of logits at a time: 78 MB for a vocabulary of 152,000."""


@dataclass(frozen=True, slots=True)
class _Scored:
    """A continuation after its context, as the model is to read it."""

    ids: list[int]
    """All but the last token, which nothing follows; no longer than the model's context."""
    continuation: list[int]


class TaskModel(TemplateLM):  # type: ignore[misc]  # lm-eval is not typed
    """Texts are tokenised as the model's tokenizer.json does it by default; no chat template."""

    def __init__(self, folder: Path, activations: str = "float32") -> None:
        """Raises ModelError for a model without a tokenizer, too."""
        super().__init__()
        path = folder / "tokenizer.json"
        if not path.is_file():
            raise ModelError(f"{folder.name} has no tokenizer.json, so tasks cannot be put to it.")
        self._tokenizer = Tokenizer.from_file(str(path))
        self._end_ids, self._begin_id = _special_ids(folder)
        self._model: CausalLM = load_causal_lm(folder, quantization=None, activations=activations)

    @property
    def eot_token_id(self) -> int:
        return self._end_ids[0]

    @property
    def prefix_token_id(self) -> int:
        """What stands before a text that has no context."""
        return self._begin_id

    def tok_encode(
        self, string: str, add_special_tokens: bool | None = None, **kwargs: Any
    ) -> list[int]:
        return list(
            self._tokenizer.encode(string, add_special_tokens=add_special_tokens is not False).ids
        )

    def loglikelihood_rolling(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[float]:
        return [
            sum(score for score, _ in self._loglikelihood_tokens(self._windows(request.args[0])))
            for request in requests
        ]

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        texts: list[str] = []
        starts = range(0, len(requests), _ANSWERS_PER_PASS)
        for start in track(starts, "answering ..."):
            texts += self._answers([r.args for r in requests[start : start + _ANSWERS_PER_PASS]])
        return texts

    def _loglikelihood_tokens(
        self, requests: list[tuple[tuple[str, str], list[int], list[int]]], **kwargs: Any
    ) -> list[tuple[float, bool]]:
        """(text, context, continuation) -> the continuation's log-probability, and whether each of
        its tokens is the likeliest."""
        scored = [self._scored(context, continuation) for _, context, continuation in requests]
        found: list[tuple[float, bool]] = []
        for group in track(list(_passes(scored)), "scoring ..."):
            lengths = [len(item.ids) for item in group]
            hidden = PagedText(self._model, lengths).extend([item.ids for item in group])
            for item, rows in zip(group, torch.split(hidden, lengths), strict=True):
                first = len(item.ids) - len(item.continuation)
                found.append(self._score(rows[first:], item.continuation))
        return found

    def _scored(self, context: list[int], continuation: list[int]) -> _Scored:
        most = self._model.max_model_len
        if len(continuation) > most:
            raise ModelError(
                f"a task's continuation has {len(continuation)} tokens, and the model reads {most}."
            )
        return _Scored((context + continuation)[-most - 1 : -1], continuation)

    def _score(self, hidden: torch.Tensor, continuation: list[int]) -> tuple[float, bool]:
        """hidden [len(continuation), hidden_size], before each token."""
        total, is_greedy = 0.0, True
        pieces = (torch.split(each, _LOGIT_ROWS) for each in (hidden, torch.tensor(continuation)))
        for rows, ids in zip(*pieces, strict=True):
            logprobs = self._model.logits(rows).cpu().log_softmax(-1)
            total += logprobs.gather(1, ids[:, None]).sum().item()
            is_greedy &= bool((logprobs.argmax(-1) == ids).all())
        return total, is_greedy

    def _windows(self, text: str) -> list[tuple[tuple[str, str], list[int], list[int]]]:
        """The text in pieces of the model's context, each token predicted once."""
        windows = get_rolling_token_windows(
            self.tok_encode(text, add_special_tokens=False),
            prefix_token=self.prefix_token_id,
            max_seq_len=self._model.max_model_len,
            context_len=1,
        )
        return [(("", text), *make_disjoint_window(window)) for window in windows]

    def _answers(self, requests: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
        prompts, limits, stops = list[list[int]](), list[int](), list[list[str]]()
        for context, wishes in requests:
            options = normalize_gen_kwargs(wishes)
            if options.get("do_sample"):
                raise ModelError(
                    "a task asks for sampled answers; only greedy ones are given here."
                )
            limit = int(options["max_gen_toks"])
            room = self._model.max_model_len - limit
            if room < 1:
                raise ModelError(
                    f"a task asks for answers of {limit} tokens; the model reads and writes "
                    f"{self._model.max_model_len}."
                )
            prompts.append(self.tok_encode(context)[-room:])
            limits.append(limit)
            stops.append([stop for stop in options["until"] if stop])

        def is_done(index: int, ids: list[int]) -> bool:
            text = self._tokenizer.decode(ids)
            return any(stop in text for stop in stops[index])

        answers = greedy(self._model, prompts, limits, self._end_ids, is_done)
        return [
            _cut(self._tokenizer.decode(ids), stop)
            for ids, stop in zip(answers, stops, strict=True)
        ]


def _passes(items: Sequence[_Scored]) -> Iterator[list[_Scored]]:
    """In groups of about _TOKENS_PER_PASS tokens."""
    group: list[_Scored] = []
    num_tokens = 0
    for item in items:
        if group and num_tokens + len(item.ids) > _TOKENS_PER_PASS:
            yield group
            group, num_tokens = [], 0
        group.append(item)
        num_tokens += len(item.ids)
    if group:
        yield group


def _cut(text: str, stops: Sequence[str]) -> str:
    """Before the first of `stops`."""
    return text[: min((text.find(stop) for stop in stops if stop in text), default=len(text))]


def _special_ids(folder: Path) -> tuple[list[int], int]:
    """Those that end an answer; the one that begins a text, or else the first that ends one. Raises
    ModelError where the folder names none."""
    fields: dict[str, Any] = {}
    for name in ("config.json", "generation_config.json"):
        if (folder / name).is_file():
            found = json.loads((folder / name).read_bytes())
            fields |= {key: value for key, value in found.items() if value is not None}
    ends = fields.get("eos_token_id")
    end_ids = [ends] if isinstance(ends, int) else list(ends or ())
    begin = fields.get("bos_token_id", *end_ids[:1])
    if not end_ids or not isinstance(begin, int):
        raise ModelError(
            f"{folder.name} names no eos_token_id in config.json or generation_config.json, so no "
            "answer to a task would end."
        )
    return end_ids, begin
