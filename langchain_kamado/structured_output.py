"""What `with_structured_output` asks for, and how the answer is read, by each of three ways."""

from collections.abc import Callable
from operator import itemgetter
from typing import Any, Literal

from langchain_core.messages import AIMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.base import OutputParserLike
from langchain_core.output_parsers.openai_tools import (
    JsonOutputKeyToolsParser,
    PydanticToolsParser,
)
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass

Method = Literal["json_schema", "function_calling", "json_mode"]
Schema = dict[str, Any] | type
AnyRunnable = Runnable[Any, Any]


def response_format(schema: Schema, strict: bool | None) -> dict[str, Any]:
    """The server keeps to the schema whether or not it is `strict`; True also closes its objects
    to properties that it does not name."""
    function = convert_to_openai_tool(schema, strict=strict)["function"]
    named = {"name": function["name"], "schema": convert_to_json_schema(schema, strict=strict)}
    if "description" in function:
        named["description"] = function["description"]
    if strict is not None:
        named["strict"] = strict
    return {"type": "json_schema", "json_schema": named}


def tracing_format(schema: Schema, method: Method, strict: bool | None) -> dict[str, Any]:
    """What LangChain's tracers are told of it."""
    return {
        "kwargs": {"method": method, "strict": strict},
        "schema": convert_to_openai_tool(schema),
    }


def content_parser(schema: Schema | None) -> OutputParserLike[Any]:
    """Of an answer that is JSON. Streams: it gives what is valid so far, again and again."""
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        return PydanticOutputParser(pydantic_object=schema)
    return JsonOutputParser()


def call_parser(schema: Schema) -> OutputParserLike[Any]:
    """Of an answer that is a call of the tool that `schema` makes."""
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        return PydanticToolsParser(tools=[schema], first_tool_only=True)
    name = convert_to_openai_tool(schema)["function"]["name"]
    return JsonOutputKeyToolsParser(key_name=name, first_tool_only=True)


def with_raw(model: AnyRunnable, parser: OutputParserLike[Any]) -> AnyRunnable:
    """{"raw": the message, "parsed": what the parser made of it, "parsing_error": why it could
    not}."""
    parsing: Callable[[dict[str, AIMessage]], Any] | AnyRunnable = itemgetter("raw") | parser
    parsed = RunnablePassthrough.assign(parsed=parsing, parsing_error=lambda _: None)
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=model) | parsed.with_fallbacks([failed], exception_key="parsing_error")
