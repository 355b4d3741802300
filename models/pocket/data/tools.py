"""Skill 1: choose among up to four unseen tools, fill the arguments, answer from the result."""

import json
import re
from functools import partial
from typing import Any

from models.pocket.data.arithmetic import arithmetic
from models.pocket.data.chatter import small_talk
from models.pocket.data.classify import sentiment, topic
from models.pocket.data.english import articled
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
from models.pocket.data.grammar import Grammar, fragment, lines
from models.pocket.data.repeat import repeat
from models.pocket.data.splits import phrasings
from models.pocket.data.tool_schemas import VERB_GROUPS, InventedTool, draw_value, invent_tool
from models.pocket.data.translate import translate
from models.pocket.data.words import Words

_MISSING = "I have no tool for that."
_SIDES = {
    "det": lines("""
        the
        the
        a
        a
        my
        this
        our
        that
        one
        the new
        some
        any
        their
        your
        the right
    """),
    "why": lines("""
        i have a question.
        i need your help.
        it is urgent.
        i have little time.
        hello!
        hi there.
        we are late.
        good morning.
        {name} asked me.
        {name} wants it.
        i am in a hurry.
        my boss {name} is waiting.
        thanks for the last answer.
        ok, next.
        this is important.
        {name} is with me.
        i forgot something.
        sorry to bother you.
        one more thing.
        it cannot wait.
    """),
    "soon": lines("""
        today
        now
        right now
        again
        for me
        this time
        soon
        tomorrow
        quickly
        at once
        next
        later
        straight away
        if possible
    """),
}
_LOOKUP = Grammar(
    core={
        "start": lines("""
            what's the {noun} {rest}?
            what is the {noun} {rest}?
            what is <det> {noun} {rest}?
            what is the {noun} like {rest}?
            how's the {noun} {rest}?
            how is <det> {noun} {rest}?
            <ask?> show me <det> {noun} {rest}.
            <ask?> tell me <det> {noun} {rest}.
            <ask?> give me <det> {noun} {rest}.
            <why> what is the {noun} {rest}?
            <why> i need <det> {noun} {rest}.
            i want to know <det> {noun} {rest}.
            i want to see <det> {noun} {rest}.
            do you know <det> {noun} {rest}?
            do you have <det> {noun} {rest}?
            what {noun} do we have {rest}?
            which {noun} is there {rest}?
            is there <det> {noun} {rest}?
            can i see <det> {noun} {rest}?
            can i have <det> {noun} {rest}?
            where is <det> {noun} {rest}?
            any {noun} {rest}?
            {noun} {rest}
            {noun} {rest}?
            {noun} {rest}, <bye>
            <det> {noun} {rest}, <bye>
            what about <det> {noun} {rest}?
            i am looking for <det> {noun} {rest}.
            are there {noun}s {rest}?
            how are the {noun}s {rest}?
            i wonder what the {noun} {rest} is.
            What is the {noun} {rest}, <bye>?
            i would like to see the {noun} {rest}.
            let me know the {noun} {rest}.
            let me see <det> {noun} {rest}.
            i am curious about <det> {noun} {rest}.
            could i take a look at <det> {noun} {rest}?
            what can you say about <det> {noun} {rest}?
            which {noun} would that be {rest}?
        """),
    },
    sides=_SIDES,
)
_REQUEST = Grammar(
    core={
        "start": lines("""
            {verb} <det> {noun} {rest}.
            {verb} <det> {noun} {rest}.
            {verb} <det> {noun} {rest} <soon>.
            {verb} {noun} {rest}
            {verb} {noun}s {rest}.
            {verb} me <det> {noun} {rest}.
            <want> {verb} <det> {noun} {rest}.
            <want> {verb} <det> {noun} {rest}.
            <want> {verb} <det> {noun} {rest} <soon>.
            <want> {verb} {noun}s {rest}.
            <want> {verb} {noun} {rest}
            <ask> {verb} <det> {noun} {rest}.
            <ask> {verb} <det> {noun} {rest}.
            <ask> {verb} <det> {noun} {rest}?
            {verb} <det> {noun} {rest}, <bye>.
            <want> {verb} <det> {noun} {rest}, <bye>.
            <why> {verb} <det> {noun} {rest}.
            <why> <want> {verb} <det> {noun} {rest}.
            <why> <ask> {verb} <det> {noun} {rest}.
            <det> {noun} {rest}, {verb} it please.
            i have <det> {noun} {rest}. {verb} it.
            there is <det> {noun} {rest}. <ask?> {verb} it.
            <det> {noun} to {verb} {rest}.
            can i {verb} <det> {noun} {rest}?
            how do i {verb} <det> {noun} {rest}?
            who can {verb} <det> {noun} {rest}?
            i want <det> {noun} {rest}. {verb} it.
            it is about <det> {noun}. {verb} it {rest}.
            {verb} this {noun} {rest}, will you?
            if you can, {verb} <det> {noun} {rest}.
            yes, {verb} <det> {noun} {rest}.
            {verb} the {noun} {rest} and tell me.
            {verb} it for me: <det> {noun} {rest}
            what if you {verb} <det> {noun} {rest}?
            could you {verb} <det> {noun} {rest}?
            i still have to {verb} <det> {noun} {rest}.
            Would you {verb} the {noun} {rest} for me?
            We have to {verb} a {noun} {rest}, thanks.
            It is time to {verb} the {noun} {rest}.
            Somebody should {verb} the {noun} {rest}.
            why not {verb} <det> {noun} {rest}?
            shall we {verb} <det> {noun} {rest}?
            nobody has come to {verb} <det> {noun} {rest}.
            as for <det> {noun}, {verb} it {rest}.
            your next job: {verb} <det> {noun} {rest}
        """),
        "want": lines("""
            i'd like to
            i wish to
            let us
            would it be possible to
            my boss wants me to
            i have to
            try to
            i need to
            i want you to
            help me
            i would like to
            please
            can you
            can you please
            could you
            is it possible to
            i want to
            i must
            we want to
            we need to
            i need you to
            you should
            remember to
            don't forget to
            make sure to
            i am trying to
            i plan to
            it is necessary to
            see if you can
            the plan is to
            {name} wants to
            {name} asked me to
            my task is to
            how can i
            are you able to
            it would be great to
            i have decided to
            be so good as to
            i am ready to
            it is your job to
            i was told to
            we had better
        """),
    },
    sides=_SIDES,
)
_SENTENCES = lines("""
    There are {integer} {noun}s in {city}.
    The {noun} of {person} is in {city}.
    It is {integer} degrees in {city}.
    {person} takes the {noun} on {date}.
    The {noun} for {person} arrives on {date}.
    {integer} {noun}s were found in {city}.
    The {noun} is ready.
    {person} was called.
    Tomorrow there will be {noun} in {city}.
    We have {integer} {noun}s left.
    It costs {integer} euros and comes from {city}.
    On {date} {person} will see the {noun} in {city}.
    Nobody in {city} has a {noun}.
    Only {person} knows about the {noun}.
""")


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


def _given(words: Words, tool: InventedTool) -> tuple[list[str], dict[str, Any]]:
    """Phrases that give values for the tool's parameters, and those values."""
    arguments: dict[str, Any] = {}
    rest: list[str] = []
    for parameter in tool.parameters:
        if parameter.name not in tool.required and words.chance(0.5):
            continue
        value = parameter.draw()
        arguments[parameter.name] = value
        taken = {p for other in tool.parameters if other is not parameter for p in other.phrases}
        for _ in range(20):
            phrase, _ = fragment(words.rng, words.worded, parameter.phrases)
            if phrase not in taken:
                break
        rest.append(phrase.format(_spoken(value) if isinstance(value, list) else value))
    return rest, arguments


def _request(words: Words, tool: InventedTool) -> tuple[str, dict[str, Any]]:
    """A sentence that asks for `tool`, and the arguments it gives."""
    rest, arguments = _given(words, tool)
    if words.chance(0.3):
        words.rng.shuffle(rest)
    if rest[:1] and rest[0].startswith("and "):
        rest[0] = "with " + rest[0].removeprefix("and ")
    grammar = _LOOKUP if tool.verbs[0] == "get" and words.chance(0.5) else _REQUEST
    ask = words.compose(grammar)
    front = ""
    if len(rest) > 1 and words.chance(0.12) and ask[0] != "{":
        front, ask = rest.pop(0) + ", ", ask[0].lower() + ask[1:]
    joint = words.rng.choice((" ", " ", " ", " ", " ", ", ", " and "))
    verb = words.rng.choice(tool.verbs)
    if ask.startswith("{verb}") and words.chance(0.8):
        verb = verb.capitalize()
    text = front + ask.format(
        verb=verb, noun=tool.noun, rest=joint.join(rest), name=words.first_name()
    )
    text = re.sub(r" +([.?!,:])(?!\S)", r"\1", text).strip()
    return articled(text), arguments


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
        if all(f"{{{index}}}" in request for request in kind.requests):
            required.append(name)
    request = words.rng.choice(kind.requests)
    values: list[Any] = []
    arguments: dict[str, Any] = {}
    for index, (name, _, value_kind) in enumerate(fields):
        value = draw_value(words, value_kind)
        values.append(_spoken(value) if isinstance(value, list) else value)
        if f"{{{index}}}" in request:
            arguments[name] = value
    text = request.format(*values)
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
        sentence = words.fragment(_SENTENCES).format(**fill)
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
    """Tools and a request; the answer is the call. One in four follows another exchange with the
    same tools.
    """
    tool, offered = _toolbox(words)
    text, arguments = _request(words, tool)
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
    tool, offered = _toolbox(words)
    schemas = [t.schema() for t in offered if t.noun != tool.noun]
    while not schemas:
        schemas = [t.schema() for t in (invent_tool(words),) if t.noun != tool.noun]
    everyday = words.worded is words.split and words.chance(0.3)
    text = _everyday(words)[1] if everyday else _request(words, tool)[0]
    messages = [user(text), assistant(_MISSING)]
    return Example("no suitable tool", messages, Check("exact"), schemas)


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
