"""Skill 1: choose among up to four unseen tools, fill the arguments, answer from the result."""

import json
from typing import Any

from models.pocket.data.chatter import small_talk
from models.pocket.data.classify import sentiment, topic
from models.pocket.data.english import articled
from models.pocket.data.example import Check, Example, Message, assistant, call, tool_result, user
from models.pocket.data.extract import extract
from models.pocket.data.repeat import repeat
from models.pocket.data.tool_schemas import VERB_GROUPS, InventedTool, invent_tool
from models.pocket.data.words import Words

_LOOKUPS = (
    "What's the {noun} {rest}?",
    "what is the {noun} {rest}",
    "What is the {noun} like {rest}?",
    "How's the {noun} {rest}?",
    "Show me the {noun} {rest}.",
    "What is the {noun} {rest}?",
    "Tell me the {noun} {rest}.",
    "I want to know the {noun} {rest}.",
    "Do you know the {noun} {rest}?",
    "What {noun} do we have {rest}?",
    "Can I see the {noun} {rest}?",
    "How is the {noun} {rest}?",
    "I would like to see the {noun} {rest}.",
    "Let me know the {noun} {rest}.",
)
_REQUESTS = (
    "I'd like to {verb} a {noun} {rest}.",
    "I wish to {verb} the {noun} {rest}.",
    "Let us {verb} a {noun} {rest}.",
    "Would it be possible to {verb} a {noun} {rest}?",
    "My boss wants me to {verb} the {noun} {rest}.",
    "I have to {verb} one {noun} {rest}.",
    "Try to {verb} a {noun} {rest}.",
    "{Verb} this {noun} {rest}, will you?",
    "{verb} the {noun} {rest}",
    "{verb} a {noun} {rest} please",
    "{Verb} {noun} {rest}.",
    "{Verb} me a {noun} {rest}.",
    "Can you please {verb} the {noun} {rest}?",
    "{Verb} the {noun} {rest}.",
    "{Verb} a {noun} {rest}.",
    "Please {verb} the {noun} {rest}.",
    "Please {verb} a {noun} {rest}.",
    "Can you {verb} a {noun} {rest}?",
    "Could you {verb} the {noun} {rest}?",
    "I need to {verb} a {noun} {rest}.",
    "I want you to {verb} the {noun} {rest}.",
    "{Verb} {noun}s {rest}.",
    "{Verb} my {noun} {rest}, please.",
    "Help me {verb} a {noun} {rest}.",
    "I would like to {verb} a {noun} {rest}.",
    "Would you {verb} the {noun} {rest} for me?",
    "We have to {verb} a {noun} {rest}, thanks.",
    "It is time to {verb} the {noun} {rest}.",
    "Somebody should {verb} the {noun} {rest}.",
)
_SENTENCES = (
    "There are {integer} {noun}s in {city}.",
    "The {noun} of {person} is in {city}.",
    "It is {integer} degrees in {city}.",
    "{person} takes the {noun} on {date}.",
    "The {noun} for {person} arrives on {date}.",
    "It costs {integer} euros and comes from {city}.",
    "On {date} {person} will see the {noun} in {city}.",
)
_ADVERBS = ("today", "now", "right now", "again", "for me", "this time", "soon", "tomorrow")
_OPENINGS = ("", "", "", "", "Hi, ", "Hello! ", "Hey, ", "OK, ", "Now ", "Thanks. ")


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


def _request(words: Words, tool: InventedTool) -> tuple[str, dict[str, Any]]:
    """A sentence that asks for `tool`, and the arguments it gives."""
    arguments: dict[str, Any] = {}
    rest: list[str] = []
    for parameter in tool.parameters:
        if parameter.name not in tool.required and words.chance(0.5):
            continue
        value = parameter.draw()
        arguments[parameter.name] = value
        rest.append(words.rng.choice(parameter.phrases).format(value))
    if words.chance(0.3):
        words.rng.shuffle(rest)
    if words.chance(0.12):
        rest.append(words.rng.choice(_ADVERBS))
    if rest[:1] and rest[0].startswith("and "):
        rest[0] = "with " + rest[0].removeprefix("and ")
    phrases = _LOOKUPS if tool.verbs[0] == "get" and words.chance(0.5) else _REQUESTS
    verb = words.rng.choice(tool.verbs)
    text = words.phrase(phrases).format(
        verb=verb, Verb=verb.capitalize(), noun=tool.noun, rest=" ".join(rest)
    )
    text = text.replace(" .", ".").replace(" ?", "?").replace(" ,", ",")
    opening = words.rng.choice(_OPENINGS)
    if opening.endswith((", ", "w ")) and not text.startswith("I "):
        text = text[0].lower() + text[1:]
    return opening + articled(text), arguments


def _spoken(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value[:-1]) + f" and {value[-1]}" if len(value) > 1 else value[0]
    return str(value)


def _result(words: Words, tool: InventedTool) -> tuple[str, str, tuple[str, ...]]:
    """What the tool returns, how the assistant says it, and the values that must be said."""
    style = words.rng.randrange(10)
    kinds = (
        "integer",
        "decimal",
        "city",
        "person",
        "phrase",
        "code",
        "date",
        "time",
        "title",
        "colour",
    )
    if style == 0:
        reason = words.rng.choice(
            (f"no {tool.noun} found", f"{words.noun()} not available", "access denied", "timeout")
        )
        return json.dumps({"error": reason}), f"That did not work: {reason}.", (reason,)
    if style == 1:
        code = words.code()
        key = words.rng.choice(("id", "reference", "code", f"{tool.noun.split()[0]}_id"))
        status = words.rng.choice(("ok", "done", "success"))
        return (
            json.dumps({"status": status, key: code}),
            f"Done. The {key.replace('_', ' ')} is {code}.",
            (code,),
        )
    if style == 2:
        return (
            words.rng.choice(("ok", "done", "true", '{"status": "ok"}', '{"success": true}')),
            "Done.",
            ("Done",),
        )
    if style == 3:
        found = [
            words.value(words.rng.choice(("title", "person", "city")))
            for _ in range(words.rng.randint(2, 4))
        ]
        return (
            json.dumps(found, ensure_ascii=False),
            f"I found {_spoken(found)}.",
            tuple(map(str, found)),
        )
    if style in (4, 5):
        value = str(words.value(words.rng.choice(kinds)))
        return value, f"The {tool.noun} is {value}.", (value,)
    if style == 6:
        fill = {kind: words.value(kind) for kind in ("integer", "noun", "city", "person", "date")}
        sentence = words.phrase(_SENTENCES).format(**fill)
        return sentence, sentence, (sentence,)
    fields: dict[str, Any] = {}
    for _ in range(words.rng.choice((1, 2, 2, 3))):
        key = words.noun() if words.chance(0.7) else f"{words.noun()}_{words.noun()}"
        fields[key] = words.value(words.rng.choice(kinds))
    said = [f"the {key.replace('_', ' ')} is {_spoken(value)}" for key, value in fields.items()]
    sentence = said[0] if len(said) == 1 else ", ".join(said[:-1]) + " and " + said[-1]
    values = tuple(_spoken(value) for value in fields.values())
    return json.dumps(fields, ensure_ascii=False), sentence[0].upper() + sentence[1:] + ".", values


def _exchange(words: Words, tool: InventedTool) -> tuple[list[Message], tuple[str, ...]]:
    """Request, call, result and answer; and the values the answer must hold."""
    text, arguments = _request(words, tool)
    content, answer, values = _result(words, tool)
    call_turn = call(tool.name, arguments)
    return [user(text), call_turn, tool_result(content), assistant(answer)], values


def tool_call(words: Words) -> Example:
    """Tools and a request; the answer is the call. One in three follows another exchange with the
    same tools.
    """
    tool, offered = _toolbox(words)
    text, arguments = _request(words, tool)
    earlier = _exchange(words, words.rng.choice(offered))[0] if words.chance(0.33) else []
    messages = [*earlier, user(text), call(tool.name, arguments)]
    schemas = [t.schema() for t in offered]
    return Example("tool choice and arguments", messages, Check("call"), schemas)


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
    if words.chance(0.4):
        messages = words.rng.choice((repeat, sentiment, topic, extract))(words).messages
    return Example("no tool needed", messages, Check("plain"), [t.schema() for t in offered])
