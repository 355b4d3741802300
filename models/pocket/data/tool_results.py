"""What a tool returns, and how the assistant says it."""

import json
from typing import Any

from models.pocket.data.grammar import lines
from models.pocket.data.tool_requests import spoken
from models.pocket.data.tool_schemas import InventedTool
from models.pocket.data.words import Words

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


def result(words: Words, tool: InventedTool) -> tuple[str, str, tuple[str, ...]]:
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
            f"I found {spoken(found)}.",
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
    said = [f"the {key.replace('_', ' ')} is {spoken(value)}" for key, value in fields.items()]
    sentence = said[0] if len(said) == 1 else ", ".join(said[:-1]) + " and " + said[-1]
    values = tuple(spoken(value) for value in fields.values())
    return json.dumps(fields, ensure_ascii=False), sentence[0].upper() + sentence[1:] + ".", values
