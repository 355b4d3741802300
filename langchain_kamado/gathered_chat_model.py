"""A chat model whose `batch` is one call to the server; see gathering.py for how."""

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Sequence
from typing import Any, cast

from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import get_config_list

from langchain_kamado.connection import Call
from langchain_kamado.decoders import Json
from langchain_kamado.gathering import AsyncGathering, Gathering, opened, seated, take_seat
from langchain_kamado.generation_fields import GenerationFields

MAX_AT_ONCE = 512
"""Threads of one `batch`. More inputs than that are asked one by one, so many at a time."""

Answers = Generator[tuple[int, AIMessage | Exception]]
AsyncAnswers = AsyncGenerator[tuple[int, AIMessage | Exception]]


class GatheredChatModel(GenerationFields, BaseChatModel):
    """Subclasses get every whole answer from `ask` or `aask`, and leave their seat before they
    stream."""

    def ask(self, call: Call) -> Json:
        """Together with the others' of its batch, if there is one. Raises KamadoError."""
        gathering = take_seat()
        answer = gathering.ask(call) if isinstance(gathering, Gathering) else None
        return answer or self.connection.ask(call)

    async def aask(self, call: Call) -> Json:
        """As `ask`."""
        gathering = take_seat()
        answer = await gathering.ask(call) if isinstance(gathering, AsyncGathering) else None
        return answer or await self.connection.aask(call)

    def invoke(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AIMessage:
        with seated():
            return super().invoke(input, config, **kwargs)

    async def ainvoke(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AIMessage:
        with seated():
            return await super().ainvoke(input, config, **kwargs)

    def batch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """All at once unless the config's `max_concurrency` says otherwise, and then as one call to
        the server. With `return_exceptions`, an input's error takes the place of its answer."""
        configs, at_once = _configs(inputs, config)
        with opened(Gathering(self.connection, at_once) if self._gathers(at_once) else None):
            return super().batch(inputs, configs, **kwargs)

    async def abatch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """As `batch`."""
        configs, at_once = _configs(inputs, config)
        with opened(AsyncGathering(self.connection, at_once) if self._gathers(at_once) else None):
            return await super().abatch(inputs, configs, **kwargs)

    def batch_as_completed(  # type: ignore[override]  # LangChain's overloads
        self,
        inputs: Sequence[LanguageModelInput],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        **kwargs: Any,
    ) -> Iterator[tuple[int, AIMessage | Exception]]:
        """As `batch`, but (index, answer) as each is complete. Leaving early cancels the rest."""
        configs, at_once = _configs(inputs, config)
        gathering = Gathering(self.connection, at_once) if self._gathers(at_once) else None
        answers = cast(Answers, super().batch_as_completed(inputs, configs, **kwargs))
        try:
            with opened(gathering):
                first = next(answers, None)
            if first is not None:
                yield first
            for answer in answers:  # noqa: UP028  # `yield from` would wait for them when left
                yield answer
        finally:
            if gathering is not None:
                gathering.close()
            answers.close()

    async def abatch_as_completed(  # type: ignore[override]  # LangChain's overloads
        self,
        inputs: Sequence[LanguageModelInput],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[tuple[int, AIMessage | Exception]]:
        """As `batch_as_completed`."""
        configs, at_once = _configs(inputs, config)
        gathering = AsyncGathering(self.connection, at_once) if self._gathers(at_once) else None
        answers = cast(AsyncAnswers, super().abatch_as_completed(inputs, configs, **kwargs))
        try:
            with opened(gathering):
                first = await anext(answers, None)
            if first is not None:
                yield first
            async for answer in answers:
                yield answer
        finally:
            if gathering is not None:
                await gathering.aclose()
            await answers.aclose()

    def _gathers(self, num_at_once: int) -> bool:
        """A rate limiter lets one through at a time, and the first must not wait for the last."""
        return num_at_once > 1 and self.rate_limiter is None


def _configs(
    inputs: Sequence[LanguageModelInput], config: RunnableConfig | Sequence[RunnableConfig] | None
) -> tuple[list[RunnableConfig], int]:
    """One for each input, and how many go together: all, or none if the caller has a limit."""
    configs = get_config_list(config, len(inputs))
    if not configs or configs[0].get("max_concurrency") is not None:
        return configs, 0
    at_once = min(len(inputs), MAX_AT_ONCE)
    configs[0] = {**configs[0], "max_concurrency": at_once}
    return configs, at_once if at_once == len(inputs) else 0
