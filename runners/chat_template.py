"""Messages -> one prompt text, by the model's own Jinja template in transformers' sandbox."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runners.errors import ChatTemplateError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Message = Mapping[str, Any]
"""As in OpenAI's API: role, content, and for tools tool_calls or tool_call_id."""


class ChatTemplate:
    """Templates differ in what they take; each gets the plainest form of the conversation."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase") -> None:
        self._tokenizer = tokenizer

    @property
    def text(self) -> str:
        """The template's source; that for tools where there are several; empty for none."""
        template = self._tokenizer.chat_template
        if isinstance(template, dict):
            template = template.get("tool_use") or template.get("default")
        return template or ""

    def render(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] | None = None
    ) -> str:
        """`messages` are in plain form. Raises ChatTemplateError when no form of them is taken."""
        if self._tokenizer.chat_template is None:
            raise ChatTemplateError(
                "this model has no chat template; send a prompt to /v1/completions."
            )
        forms = [(messages, tools)]
        if tools:  # some templates read every field of every tool
            tools = [_completed(tool) for tool in tools]
            forms.append((messages, tools))
        # many want one system message first, then user and assistant in turn
        forms.append((_folded(messages), tools))
        for form in forms:
            try:
                return self._render(*form)
            except Exception as error:  # in any way that Python can, and always over what is said
                failure = error
        raise ChatTemplateError(
            f"the model's chat template refuses these messages: {failure}"
        ) from failure

    def _render(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] | None
    ) -> str:
        rendered: str = self._tokenizer.apply_chat_template(
            [dict(message) for message in messages],
            tools=list(tools) if tools else None,
            tokenize=False,
            add_generation_prompt=True,
        )
        return rendered


def _completed(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """With every field that OpenAI lets a caller leave out."""
    absent = {"description": "", "parameters": {"type": "object", "properties": {}}}
    return {**tool, "function": {**absent, **tool["function"]}}


def plain_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Text parts joined into one string, tool arguments parsed: what most templates expect."""
    return [_plain(message) for message in messages]


def _plain(message: Message) -> dict[str, Any]:
    plain = {key: value for key, value in message.items() if value is not None}
    content = plain.get("content", "")
    if not isinstance(content, str):
        plain["content"] = "".join(part["text"] for part in content)
    else:
        plain["content"] = content
    if "tool_calls" in plain:
        plain["tool_calls"] = [_with_parsed_arguments(call) for call in plain["tool_calls"]]
    return plain


def _with_parsed_arguments(call: Mapping[str, Any]) -> dict[str, Any]:
    function = dict(call["function"])
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        try:
            function["arguments"] = json.loads(arguments) if arguments.strip() else {}
        except (ValueError, RecursionError):
            raise ChatTemplateError(
                f"the arguments of the tool call {call.get('id')!r} are not JSON."
            ) from None
    return {**call, "function": function}


def _folded(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The system's words go into the first message, and neighbours of one role become one."""
    system = [
        message["content"] for message in messages if message["role"] in ("system", "developer")
    ]
    folded: list[dict[str, Any]] = []
    for message in messages:
        if message["role"] in ("system", "developer"):
            continue
        previous = folded[-1] if folded else None
        mergeable = {"role", "content"}
        if previous and previous["role"] == message["role"] and {*previous, *message} == mergeable:
            previous["content"] += "\n\n" + message["content"]
        else:
            folded.append(dict(message))
    if system and folded and folded[0]["role"] == "user":
        folded[0]["content"] = "\n\n".join([*system, folded[0]["content"]])
    elif system:
        folded.insert(0, {"role": "user", "content": "\n\n".join(system)})
    return folded
