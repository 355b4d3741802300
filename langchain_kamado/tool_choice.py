"""The ways LangChain's callers say which tool is to be called, as the server says it."""

from collections.abc import Sequence
from typing import Any

ToolChoice = str | bool | dict[str, Any]

_WORDS = {"auto": "auto", "none": "none", "any": "required", "required": "required"}


def tool_choice_json(
    choice: ToolChoice | None, tools: Sequence[dict[str, Any]]
) -> str | dict[str, Any] | None:
    """True: one of them must be called; False: none may; a name: that one. None leaves the choice
    to the server. Raises ValueError for a tool that is not among them."""
    if choice is None:
        return None
    if isinstance(choice, bool):
        return "required" if choice else "none"
    names = [tool["function"]["name"] for tool in tools if "function" in tool]
    if isinstance(choice, str):
        if choice in _WORDS and choice not in names:
            return _WORDS[choice]
        choice = {"type": "function", "function": {"name": choice}}
    named = choice.get("function", {}).get("name")
    if named not in names:
        raise ValueError(f"tool_choice is {named!r}, which is none of the tools: {names}.")
    return choice
