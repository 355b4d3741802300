"""KamadoLLM: a text model of LangChain's, which continues prompts."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, closing
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseLLM
from langchain_core.outputs import Generation, GenerationChunk, LLMResult
from pydantic import ConfigDict

from langchain_kamado.connection import Call
from langchain_kamado.decoders import Json
from langchain_kamado.generation_fields import GenerationFields

MAX_CHOICES = 128
"""Of one call: prompts times n."""


class KamadoLLM(GenerationFields, BaseLLM):
    """`generate(prompts)` is one call for as many prompts as the server takes in one. Raises
    KamadoError."""

    model_config = ConfigDict(extra="forbid")

    @property
    def _llm_type(self) -> str:
        return "kamado-text"

    def _generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        calls = self._calls(prompts, stop, kwargs)
        return _result([self.connection.ask(call) for call in calls], len(prompts))

    async def _agenerate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        calls = self._calls(prompts, stop, kwargs)
        return _result([await self.connection.aask(call) for call in calls], len(prompts))

    def _stream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[GenerationChunk]:
        with closing(self.connection.events(self._stream_call(prompt, stop, kwargs))) as events:
            for event in events:
                if (chunk := _chunk(event)) is not None:
                    if run_manager:
                        run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk

    async def _astream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[GenerationChunk]:
        call = self._stream_call(prompt, stop, kwargs)
        async with aclosing(self.connection.aevents(call)) as events:
            async for event in events:
                if (chunk := _chunk(event)) is not None:
                    if run_manager:
                        await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk

    def get_token_ids(self, text: str) -> list[int]:
        """By the server's tokenizer."""
        if self.custom_get_token_ids is not None:
            return self.custom_get_token_ids(text)
        return self.prompt_ids(prompt=text)

    def _calls(self, prompts: Sequence[str], stop: Sequence[str] | None, given: Json) -> list[Call]:
        params = self.generation_params(stop, **given)
        size = max(1, MAX_CHOICES // params.get("n", 1))
        parts = [prompts[start : start + size] for start in range(0, len(prompts), size)]
        return [Call("/v1/completions", {**params, "prompt": list(part)}) for part in parts]

    def _stream_call(self, prompt: str, stop: Sequence[str] | None, given: Json) -> Call:
        body = self.generation_params(stop, **given)
        if body.get("n", 1) != 1:
            raise ValueError(f"n is {body['n']}; a stream is of one answer. Use generate.")
        body.update(prompt=prompt, stream=True, stream_options={"include_usage": True})
        return Call("/v1/completions", body)


def _result(answers: Sequence[Json], num_prompts: int) -> LLMResult:
    """The server numbers choices across prompts: n for the first, n for the second, ..."""
    choices = [choice for answer in answers for choice in answer["choices"]]
    num_each = len(choices) // num_prompts
    generations = [
        Generation(text=choice["text"], generation_info=_info(choice)) for choice in choices
    ]
    usage = {
        name: sum(answer["usage"][name] for answer in answers)
        for name in ("prompt_tokens", "completion_tokens", "total_tokens")
    }
    return LLMResult(
        generations=[
            generations[start : start + num_each] for start in range(0, len(choices), num_each)
        ],
        llm_output={"token_usage": usage, "model_name": answers[0]["model"]},
    )


def _info(choice: Json) -> dict[str, Any]:
    kept = {"finish_reason": choice["finish_reason"], "logprobs": choice.get("logprobs")}
    return {name: value for name, value in kept.items() if value is not None}


def _chunk(event: Json) -> GenerationChunk | None:
    """None for an event with nothing to tell."""
    for choice in event["choices"]:
        return GenerationChunk(text=choice["text"], generation_info=_info(choice) or None)
    if usage := event.get("usage"):
        info = {"token_usage": usage, "model_name": event["model"]}
        return GenerationChunk(text="", generation_info=info)
    return None
