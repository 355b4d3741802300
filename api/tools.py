"""Tools a chat completion may call, and whether it must."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, Field, Tag

from api.errors import InvalidRequestError
from api.fields import TEXT_OR_OTHER, Fields
from runners.dialects.dialect import CallableTool
from runners.grammars.json_schema import checked_schema

MAX_TOOLS = 128
MAX_TOOLS_BYTES = 256 * 1024
NO_PARAMETERS = {"type": "object", "properties": {}, "additionalProperties": False}
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("it must be 1 to 64 letters, digits, underscores and dashes")
    return name


ToolName = Annotated[str, AfterValidator(_check_name)]


class FunctionDefinition(Fields):
    name: ToolName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    """Arguments keep to the schema either way."""


class Tool(Fields):
    type: Literal["function"]
    function: FunctionDefinition


class ChosenFunction(Fields):
    name: str


class ToolChoice(Fields):
    type: Literal["function"]
    function: ChosenFunction


ToolChoiceField = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("=text")]
    | Annotated[ToolChoice, Tag("=other")],
    TEXT_OR_OTHER,
]
ToolsField = Annotated[list[Tool], Field(max_length=MAX_TOOLS)]


def check_tools(tools: Sequence[Tool], choice: str | ToolChoice | None) -> None:
    """Raises InvalidRequestError."""
    if not tools and choice not in (None, "none"):
        raise InvalidRequestError(
            "tool_choice is only allowed with tools.", param="tool_choice", code="invalid_value"
        )
    names = [tool.function.name for tool in tools]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise InvalidRequestError(
                f"tools[{place}].function.name is {name!r}, which an earlier tool is called.",
                param=f"tools[{place}].function.name",
            )
    if isinstance(choice, ToolChoice) and choice.function.name not in names:
        raise InvalidRequestError(
            f"tool_choice names {choice.function.name[:80]!r}, which is none of the tools.",
            param="tool_choice",
        )
    size = len(orjson.dumps(prompt_tools(tools)))
    if size > MAX_TOOLS_BYTES:
        raise InvalidRequestError(
            f"tools are {size} bytes long; at most {MAX_TOOLS_BYTES} are taken.", param="tools"
        )


def callable_tools(tools: Sequence[Tool], choice: str | ToolChoice | None) -> list[CallableTool]:
    """Those that the answer may call. Raises GrammarRefusedError for a schema that cannot be kept
    to."""
    if choice == "none":
        return []
    return [
        _callable(tool.function, f"tools[{place}].function.parameters")
        for place, tool in enumerate(tools)
        if not isinstance(choice, ToolChoice) or choice.function.name == tool.function.name
    ]


def _callable(function: FunctionDefinition, path: str) -> CallableTool:
    parameters = NO_PARAMETERS if function.parameters is None else function.parameters
    if parameters.get("type", "object") != "object":
        raise InvalidRequestError(
            f"{path}.type is {parameters['type']!r:.60}; arguments are an object.",
            param=f"{path}.type",
        )
    return CallableTool(function.name, checked_schema({"type": "object", **parameters}, path))


def prompt_tools(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """As chat templates take them."""
    return [tool.model_dump(exclude={"function": {"strict"}}, exclude_none=True) for tool in tools]
