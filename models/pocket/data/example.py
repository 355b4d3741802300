"""One conversation of the training or test set, and how its last answer is scored."""

from dataclasses import dataclass, field
from typing import Any

Message = dict[str, Any]
Tool = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Check:
    """How an answer is judged; `kind` is one of exact, call, json, number, contains, story, plain.

    `values` are the strings an answer must hold (contains, story); the rest compare with the
    reference answer.
    """

    kind: str = "exact"
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A conversation that ends with the assistant's reference answer."""

    skill: str
    messages: list[Message]
    check: Check = field(default_factory=Check)
    tools: list[Tool] = field(default_factory=list)

    @property
    def prompt(self) -> list[Message]:
        return self.messages[:-1]


def system(content: str) -> Message:
    return {"role": "system", "content": content}


def user(content: str) -> Message:
    return {"role": "user", "content": content}


def assistant(content: str) -> Message:
    return {"role": "assistant", "content": content}


def call(name: str, arguments: dict[str, Any]) -> Message:
    """An assistant turn that calls one tool."""
    function = {"name": name, "arguments": arguments}
    return {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"type": "function", "function": function}],
    }


def tool_result(content: str) -> Message:
    return {"role": "tool", "content": content}
