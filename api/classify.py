"""POST /v1/classify: how probable each label is as the model's whole answer, from one prefill per
input. No text is generated.

A label's probability is that of its tokens and the end of the answer after them, over the sum of
all labels'. Everything is checked here, before rows are merged with other calls' rows by whatever
`score_rows` is.
"""

import asyncio
import math
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typing_extensions import TypedDict

from api.chat_request import ChatRequest
from api.classify_request import ClassifyRequest
from api.disconnect import unless_disconnected
from api.errors import InvalidRequestError, api_error
from api.forward_usage import ForwardUsage, forward_usage
from api.generator import Generator
from api.json_body import read_json
from api.json_response import json_response
from api.served_model import ServedModel
from runners.engine.errors import EngineError
from runners.engine.request import GenerationRequest
from runners.engine.scoring_task import ScoringTask
from runners.errors import TextError

MAX_LABEL_TOKENS = 1024
"""Of one input: streams that are being generated wait for them."""

ScoreRows = Callable[[Sequence[ScoringTask]], Awaitable[Sequence[Sequence[float]]]]
"""Per task, the log-probability of each of its answers."""


class LabelProbability(TypedDict):
    label: str
    probability: float


class ChosenLabel(TypedDict):
    label: str
    """The most probable one."""
    labels: list[LabelProbability]
    """All, in the order of the request."""


class Classification(ChosenLabel):
    index: int
    object: Literal["classification"]


class Classifications(TypedDict):
    id: str
    object: Literal["list"]
    created: int
    model: str
    data: list[Classification]
    usage: ForwardUsage


class Classifier:
    def __init__(
        self,
        served: ServedModel,
        generator: Generator,
        score_rows: ScoreRows,
        *,
        max_body_bytes: int,
    ) -> None:
        self._served = served
        self._generator = generator
        self._score_rows = score_rows
        self._max_body_bytes = max_body_bytes

    @property
    def routes(self) -> list[Route]:
        return [Route("/v1/classify", self.classify, methods=["POST"])]

    async def classify(self, http: Request) -> Response:
        """Raises ApiError or ClientDisconnectedError."""
        request = await read_json(
            http.scope, http.receive, ClassifyRequest, max_bytes=self._max_body_bytes
        )
        return await unless_disconnected(http.receive, self._answer(request))

    async def _answer(self, request: ClassifyRequest) -> Response:
        self._served.check_name(request.model)
        tasks = await self._tasks(request)
        try:
            rows = await self._score_rows(tasks)
        except EngineError as error:
            raise api_error(error, {"prompt": "input"}) from error
        body: Classifications = {
            "id": f"classify-{uuid.uuid4().hex}",
            "object": "list",
            "created": int(time.time()),
            "model": self._served.name,
            "data": [
                {"index": index, "object": "classification", **_choice(request.chosen_labels, row)}
                for index, row in enumerate(rows)
            ],
            "usage": forward_usage(sum(task.num_tokens for task in tasks)),
        }
        return json_response(body)

    async def _tasks(self, request: ClassifyRequest) -> list[ScoringTask]:
        """Raises ApiError."""
        text = self._served.ready_text()
        try:
            answers = tuple(map(text.tokenizer.encode_answer, request.chosen_labels))
        except TextError as error:
            raise api_error(error, {"messages": "labels"}) from error
        num_label_tokens = sum(map(len, answers))
        if num_label_tokens > MAX_LABEL_TOKENS:
            raise InvalidRequestError(
                f"labels have {num_label_tokens} tokens together; {MAX_LABEL_TOKENS} are taken. "
                "Shorten them, or give fewer.",
                param="labels",
            )
        tasks = []
        for name, entry in request.entries:
            await asyncio.sleep(0)  # a prompt takes a fraction of a millisecond, hundreds do not
            messages = [{"role": "user", "content": request.prompt(entry)}]
            chat = ChatRequest.model_validate({"model": request.model, "messages": messages})
            prompt = await self._generator.chat_ids(chat, name)
            if text.dialect.begins_within_reasoning(prompt):
                raise InvalidRequestError(
                    f"{self._served.name} reasons before it answers, so that no label can be its "
                    "next word. Classify with another model.",
                    param="model",
                    code="unsupported_parameter",
                )
            longest = max(answers, key=len)
            try:
                self._served.runner.limits.check(GenerationRequest("", (*prompt, *longest)))
            except EngineError as error:
                raise api_error(error, {"prompt": name}) from error
            tasks.append(ScoringTask(prompt, answers))
        return tasks


def _choice(labels: Sequence[str], logprobs: Sequence[float]) -> ChosenLabel:
    """The best label, and every label with its probability, in the order of the request."""
    best = max(logprobs)
    weights = [math.exp(logprob - best) for logprob in logprobs]
    scored: list[LabelProbability] = [
        {"label": label, "probability": weight / sum(weights)}
        for label, weight in zip(labels, weights, strict=True)
    ]
    return {"label": labels[weights.index(1.0)], "labels": scored}
