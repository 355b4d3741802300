"""ChatKamado: a chat model of LangChain's that a Kamado server answers for."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, closing
from typing import Any, Self

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field

from langchain_kamado import structured_output
from langchain_kamado.chat_answer import ChatChunks, chat_result
from langchain_kamado.connection import Call
from langchain_kamado.decoders import Json
from langchain_kamado.gathered_chat_model import GatheredChatModel
from langchain_kamado.gathering import leave_seat
from langchain_kamado.message_json import messages_json
from langchain_kamado.server_model import profile_of, server_model
from langchain_kamado.structured_output import AnyRunnable, Method, Schema
from langchain_kamado.tool_choice import ToolChoice, tool_choice_json

CHAT = "/v1/chat/completions"

Tools = Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool]


class ChatKamado(GatheredChatModel):
    """Construction asks nothing of the server; `from_server` does, to learn what it serves.

    Every call may give fields of its own, as `invoke(messages, temperature=0, seed=1)`, and a
    `request_id` by which `cancel` ends it from elsewhere. Raises KamadoError.
    """

    model_config = ConfigDict(extra="forbid")

    top_logprobs: int | None = Field(default=None, ge=0)
    """With logprobs: how many alternatives to tell for each token."""
    streaming: bool = False
    """Whether `invoke` asks for a stream too."""

    @classmethod
    def from_server(cls, **fields: Any) -> Self:
        """With `profile` as the server describes the model, and `model`, if it is not given, the
        first that it lists. `fields`: those of the constructor."""
        model = cls(**fields)
        card = server_model(model.connection, fields.get("model"))
        return cls(**{**fields, "model": card["id"], "profile": profile_of(card)})

    @property
    def _llm_type(self) -> str:
        return "kamado-chat"

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return super()._get_ls_params(stop=stop or self.stop, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return chat_result(self.ask(self._call(messages, stop, kwargs)))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return chat_result(await self.aask(self._call(messages, stop, kwargs)))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        leave_seat()
        reading = ChatChunks()
        with closing(self.connection.events(self._stream_call(messages, stop, kwargs))) as events:
            for event in events:
                yield from reading.chunks(event)
        yield reading.last()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        leave_seat()
        reading = ChatChunks()
        call = self._stream_call(messages, stop, kwargs)
        async with aclosing(self.connection.aevents(call)) as events:
            async for event in events:
                for chunk in reading.chunks(event):
                    yield chunk
        yield reading.last()

    def _call(
        self, messages: Sequence[BaseMessage], stop: Sequence[str] | None, given: Json
    ) -> Call:
        fields = {name: value for name, value in given.items() if name not in _NOT_SENT}
        body = {**self.generation_params(stop, **fields), "messages": messages_json(messages)}
        if "request_id" in given:
            return Call(CHAT, body, given["request_id"])
        return Call(CHAT, body)

    def _stream_call(
        self, messages: Sequence[BaseMessage], stop: Sequence[str] | None, given: Json
    ) -> Call:
        """Raises ValueError for n > 1: LangChain's streams are of one message."""
        call = self._call(messages, stop, given)
        assert call.body is not None
        if call.body.get("n", 1) != 1:
            raise ValueError(f"n is {call.body['n']}; a stream is of one answer. Use generate.")
        call.body.update(stream=True, stream_options={"include_usage": True})
        return call

    def bind_tools(
        self,
        tools: Tools,
        *,
        tool_choice: ToolChoice | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """`tool_choice`: "auto", "none", "any" or True (one must be called), a tool's name, or
        OpenAI's own form. Arguments keep to a tool's schema with or without `strict`."""
        offered = [convert_to_openai_tool(tool, strict=strict) for tool in tools]
        choice = tool_choice_json(tool_choice, offered)
        if choice is not None:
            kwargs["tool_choice"] = choice
        if parallel_tool_calls is not None:
            kwargs["parallel_tool_calls"] = parallel_tool_calls
        return self.bind(tools=offered, **kwargs)

    def with_structured_output(
        self,
        schema: Schema | None = None,
        *,
        method: Method = "json_schema",
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> AnyRunnable:
        """Answers that are instances of `schema`: a Pydantic class, or dicts for all others.

        json_schema binds the answer itself, function_calling the arguments of one forced call; both
        keep to the schema whatever the model wants. json_mode binds it to some JSON object only:
        tell the model in the prompt which. Raises ValueError for a method it does not know, or
        where the schema that it needs is missing.
        """
        if schema is None and method != "json_mode":
            raise ValueError(f"method {method!r} needs a schema.")
        if schema is not None:
            kwargs["ls_structured_output_format"] = structured_output.tracing_format(
                schema, method, strict
            )
        if method == "function_calling" and schema is not None:
            name = convert_to_openai_tool(schema)["function"]["name"]
            model = self.bind_tools(
                [schema], tool_choice=name, strict=strict, parallel_tool_calls=False, **kwargs
            )
            parser = structured_output.call_parser(schema)
        elif method == "json_schema" and schema is not None:
            bound = structured_output.response_format(schema, strict)
            model = self.bind(response_format=bound, **kwargs)
            parser = structured_output.content_parser(schema)
        elif method == "json_mode" and strict is None:
            model = self.bind(response_format={"type": "json_object"}, **kwargs)
            parser = structured_output.content_parser(schema)
        else:
            raise ValueError(
                f"method is {method!r} and strict {strict}; the methods are json_schema, "
                "function_calling and, without strict, json_mode."
            )
        return structured_output.with_raw(model, parser) if include_raw else model | parser

    def cancel(self, request_id: str) -> bool:
        """End the calls that were given this `request_id`, on the server. False: there are none."""
        return bool(self.connection.ask(_cancel(request_id))["cancelled"])

    async def acancel(self, request_id: str) -> bool:
        """As `cancel`."""
        return bool((await self.connection.aask(_cancel(request_id)))["cancelled"])

    def get_token_ids(self, text: str) -> list[int]:
        """By the server's tokenizer."""
        if self.custom_get_token_ids is not None:
            return self.custom_get_token_ids(text)
        return self.prompt_ids(prompt=text)

    def get_num_tokens_from_messages(
        self, messages: Sequence[BaseMessage], tools: Tools | None = None
    ) -> int:
        """Of the whole prompt that the server makes of them, the template's own tokens included."""
        prompt: Json = {"messages": messages_json(messages)}
        if tools:
            prompt["tools"] = [convert_to_openai_tool(tool) for tool in tools]
        return len(self.prompt_ids(**prompt))


_NOT_SENT = {"request_id", "stream"}
"""Call arguments that are ours or LangChain's."""


def _cancel(request_id: str) -> Call:
    return Call("/v1/requests/cancel", {"request_id": request_id})
