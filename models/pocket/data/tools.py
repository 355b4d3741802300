"""Skill 1: choose among up to four unseen tools, fill the arguments, answer from the result."""

from functools import partial
from typing import Any

from models.pocket.data.arithmetic import arithmetic
from models.pocket.data.chatter import small_talk
from models.pocket.data.everyday_tools import EVERYDAY_TOOLS
from models.pocket.data.example import (
    Check,
    Example,
    Message,
    Tool,
    assistant,
    call,
    tool_result,
    user,
)
from models.pocket.data.extract import extract
from models.pocket.data.repeat import repeat
from models.pocket.data.sentiment import sentiment
from models.pocket.data.splits import phrasings
from models.pocket.data.tool_requests import request, spoken
from models.pocket.data.tool_results import result
from models.pocket.data.tool_schemas import VERB_GROUPS, InventedTool, draw_value, invent_tool
from models.pocket.data.topic import topic
from models.pocket.data.translate import translate
from models.pocket.data.words import Words

_MISSING = "I have no tool for that."


def _toolbox(words: Words) -> tuple[InventedTool, list[InventedTool]]:
    """The tool that is wanted and all that are offered, shuffled."""
    wanted = invent_tool(words)
    offered = {wanted.name: wanted}
    size = words.rng.choices((1, 2, 3, 4), (2, 3, 3, 4))[0]
    while len(offered) < size:
        if words.chance(0.25):
            # The hard case: the same noun, told apart by the verb alone.
            others = [g for g in VERB_GROUPS if all(g != t.verbs for t in offered.values())]
            rival = invent_tool(words, wanted.noun, words.rng.choice(others))
            if wanted.name.split("_")[0] == wanted.noun.split()[0]:
                continue
        else:
            rival = invent_tool(words)
            if rival.noun == wanted.noun:
                continue
        offered.setdefault(rival.name, rival)
    tools = list(offered.values())
    words.rng.shuffle(tools)
    return wanted, tools


def _everyday(words: Words) -> tuple[Tool, str, dict[str, Any]]:
    """A tool as people offer it, a request for it and the arguments; tools are held out whole."""
    kind = words.rng.choice(phrasings(words.split, EVERYDAY_TOOLS))
    required: list[str] = []
    fields: list[tuple[str, str, str]] = []
    for index, (names, json_type, value_kind) in enumerate(kind.parameters):
        name = words.rng.choice(names)
        while any(name == other for other, _, _ in fields):
            name = words.rng.choice(names)
        fields.append((name, json_type, value_kind))
        if all(f"{{{index}}}" in text for text in kind.requests):
            required.append(name)
    asked = words.rng.choice(kind.requests)
    values: list[Any] = []
    arguments: dict[str, Any] = {}
    for index, (name, _, value_kind) in enumerate(fields):
        value = draw_value(words, value_kind)
        values.append(spoken(value))
        if f"{{{index}}}" in asked:
            arguments[name] = value
    text = asked.format(*values)
    if words.chance(0.15):
        text = text.rstrip(".!?")
    properties = {
        name: {"type": json_type} | ({"items": {"type": "string"}} if json_type == "array" else {})
        for name, json_type, _ in fields
    }
    function = {
        "name": words.rng.choice(kind.names),
        "description": words.rng.choice(kind.descriptions),
        "parameters": {"type": "object", "properties": properties, "required": required},
    }
    return {"type": "function", "function": function}, text, arguments


def _exchange(words: Words, tool: InventedTool) -> tuple[list[Message], tuple[str, ...]]:
    """Request, call, result and answer; and the values the answer must hold."""
    text, arguments = request(words, tool)
    content, answer, values = result(words, tool)
    call_turn = call(tool.name, arguments)
    return [user(text), call_turn, tool_result(content), assistant(answer)], values


def tool_call(words: Words) -> Example:
    """Tools and a request; the answer is the call. One in four follows another exchange with the
    same tools.
    """
    tool, offered = _toolbox(words)
    text, arguments = request(words, tool)
    earlier = _exchange(words, words.rng.choice(offered))[0] if words.chance(0.25) else []
    messages = [*earlier, user(text), call(tool.name, arguments)]
    schemas = [t.schema() for t in offered]
    return Example("tool choice and arguments", messages, Check("call"), schemas)


def everyday_tool(words: Words) -> Example:
    """One everyday tool is wanted, among others everyday or invented."""
    wanted, text, arguments = _everyday(words)
    offered = {wanted["function"]["name"]: wanted}
    for _ in range(words.rng.randrange(4)):
        rival = _everyday(words)[0] if words.chance(0.5) else invent_tool(words).schema()
        # Another tool of the same kind would do as well.
        if rival["function"]["description"] not in _descriptions_of(wanted):
            offered.setdefault(rival["function"]["name"], rival)
    tools = list(offered.values())
    words.rng.shuffle(tools)
    messages = [user(text), call(wanted["function"]["name"], arguments)]
    return Example("everyday tools, asked indirectly", messages, Check("call"), tools)


def _descriptions_of(tool: Tool) -> tuple[str, ...]:
    """All descriptions that the kind of an everyday tool may have."""
    said = tool["function"]["description"]
    return next(kind.descriptions for kind in EVERYDAY_TOOLS if said in kind.descriptions)


def tool_missing(words: Words) -> Example:
    """Tools are offered, but none for what is asked; the model says so."""
    unseen, text, _ = _everyday(words)
    everyday = words.worded is words.split and words.chance(0.5)
    noun, alike = "", _descriptions_of(unseen)
    if not everyday:
        tool = invent_tool(words)
        text, noun, alike = request(words, tool)[0], tool.noun, ()
    offered: dict[str, Tool] = {}
    for _ in range(words.rng.randint(1, 4)):
        other = invent_tool(words)
        schema = _everyday(words)[0] if words.chance(0.4) else other.schema()
        if other.noun != noun and schema["function"]["description"] not in alike:
            offered[schema["function"]["name"]] = schema
    if not offered:
        return tool_missing(words)
    messages = [user(text), assistant(_MISSING)]
    return Example("no suitable tool", messages, Check("exact"), list(offered.values()))


def tool_answer(words: Words) -> Example:
    """The tool has answered, and the model says what it said."""
    tool, offered = _toolbox(words)
    messages, values = _exchange(words, tool)
    schemas = [t.schema() for t in offered]
    return Example("answer from a tool's result", messages, Check("contains", values), schemas)


def tool_not_needed(words: Words) -> Example:
    """Tools are offered, but what the user says needs none; the answer is plain."""
    _, offered = _toolbox(words)
    question, answer = small_talk(words)
    messages = [user(question), assistant(answer)]
    if words.chance(0.6):
        digits = words.rng.choice((2, 3))
        own = (repeat, sentiment, topic, extract, translate, partial(arithmetic, digits=digits))
        messages = words.rng.choice(own)(words).messages
    return Example("no tool needed", messages, Check("plain"), [t.schema() for t in offered])
