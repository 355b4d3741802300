# ruff: noqa: E501 - a table of sentences reads best with one group per line
"""Invents tools in OpenAI's shape: a verb, a noun, up to three parameters, and how a person would fill them."""

from collections.abc import Callable
from dataclasses import dataclass

from models.pocket.data.english import articled
from models.pocket.data.example import Tool
from models.pocket.data.splits import Split
from models.pocket.data.words import COLOURS, WEEKDAYS, Words


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter and the phrases, each with one {}, that give its value in a request."""

    name: str
    type: str
    draw: Callable[[], str | int | float | bool]
    phrases: tuple[str, ...]
    enum: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InventedTool:
    """A tool with what the generator knows of it and the model must read from its name and description."""

    verbs: tuple[str, ...]
    noun: str
    name: str
    description: str
    parameters: tuple[Parameter, ...]
    required: tuple[str, ...]

    def schema(self) -> Tool:
        properties: dict[str, dict[str, object]] = {}
        for parameter in self.parameters:
            properties[parameter.name] = {"type": parameter.type}
            if parameter.enum:
                properties[parameter.name]["enum"] = list(parameter.enum)
        parameters = {"type": "object", "properties": properties, "required": list(self.required)}
        function = {"name": self.name, "description": self.description, "parameters": parameters}
        return {"type": "function", "function": function}


VERB_GROUPS: tuple[tuple[str, ...], ...] = (
    ("get", "fetch", "show", "look up", "check", "find", "read", "search"),
    ("create", "add", "make", "register", "write"),
    ("delete", "remove", "cancel", "drop"),
    ("send", "mail", "forward", "deliver"),
    ("book", "reserve", "order", "buy"),
    ("update", "change", "edit", "set"),
    ("start", "run", "launch", "open", "turn on"),
    ("stop", "end", "close", "turn off"),
    ("convert", "translate", "transform"),
    ("calculate", "compute", "estimate", "count"),
    ("play", "stream"),
    ("compare", "rank"),
)

# (names, type, kind of value, phrases)
_COMMON: tuple[tuple[str, str, str, str], ...] = (
    ("city location place town", "string", "city", "in {}|for {}|at {}|near {}"),
    ("origin from_city departure", "string", "city", "from {}|leaving from {}|starting in {}"),
    ("destination to_city target", "string", "city", "to {}|going to {}|towards {}"),
    ("date day when", "string", "date", "on {}|for {}|dated {}"),
    ("time start_time hour", "string", "time", "at {}|for {}|starting at {}"),
    ("name person customer guest", "string", "person", "for {}|named {}|under the name {}|of {}"),
    ("recipient to receiver", "string", "person", "to {}|addressed to {}"),
    ("sender from author", "string", "person", "from {}|by {}|sent by {}"),
    ("email address email_address", "string", "email", "to {}|for {}|with the address {}"),
    ("title subject topic", "string", "title", "titled {}|called {}|about {}|with the title {}"),
    (
        "text message body content query",
        "string",
        "phrase",
        'saying "{}"|with the text "{}"|that says "{}"|"{}"',
    ),
    ("amount total price", "number", "decimal", "for {} euros|of {} dollars|worth {}|over {}"),
    (
        "quantity count number limit",
        "integer",
        "integer",
        "with {} items|{} of them|up to {}|for {} pieces",
    ),
    ("people guests seats persons", "integer", "age", "for {} people|with {} seats|for {} persons"),
    (
        "minutes duration length",
        "integer",
        "age",
        "for {} minutes|lasting {} minutes|of {} minutes",
    ),
    ("days nights", "integer", "age", "for {} days|over {} days|for {} nights"),
    ("from_currency source base", "string", "currency", "from {}"),
    ("to_currency target into", "string", "currency", "to {}|into {}"),
    ("a x first first_number", "integer", "integer", "{}|of {}|with {}"),
    ("b y second second_number", "integer", "integer", "and {}|plus {}|by {}"),
    ("task text reminder todo", "string", "task", "to {}|so that I {}|because I must {}"),
    ("query q keyword term", "string", "phrase", "for {}|about {}|with the words {}"),
    ("topic subject theme", "string", "phrase", "about {}|regarding {}|on the topic {}"),
    ("code id reference order_id", "string", "code", "{}|with the code {}|number {}|with id {}"),
    ("company brand firm shop", "string", "title", "by {}|of the company {}|from {}"),
)
_ENUMS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("unit", ("celsius", "fahrenheit"), "in {}"),
    ("unit", ("km", "miles"), "in {}"),
    ("unit", ("kg", "pounds", "grams"), "in {}"),
    ("currency", ("EUR", "USD", "GBP", "JPY"), "in {}"),
    ("priority", ("low", "medium", "high"), "with {} priority"),
    ("size", ("small", "medium", "large"), "in size {}"),
    ("language", ("English", "French", "German", "Spanish"), "in {}"),
    ("format", ("pdf", "csv", "json", "html"), "as {}"),
    ("colour", COLOURS[:4], "in {}"),
    ("color", COLOURS[2:6], "in {}"),
    ("weekday", WEEKDAYS[:5], "on {}"),
    ("mode", ("fast", "slow", "normal"), "in {} mode"),
    ("order", ("asc", "desc"), "in {} order"),
)
_GENERIC_PHRASES = (
    "with {name} {{}}",
    "with the {name} {{}}",
    "and the {name} {{}}",
    "with {{}} as the {name}",
    "using the {name} {{}}",
    "where the {name} is {{}}",
    "{name}: {{}}",
    "whose {name} is {{}}",
    "with {name} set to {{}}",
)
_TAILS = (
    " in the system",
    " from the list",
    " for the customer",
    " in the database",
    " and return it",
    " of the company",
    " on request",
    " when asked",
    " for somebody",
    " here",
    ", if there is one",
    " at once",
    " of this account",
    " for you",
)
_DESCRIPTIONS = (
    "{verb} {noun}",
    "This tool can {verb} a {noun}",
    "A tool that lets you {verb} {noun}s",
    "{Verb} any {noun}",
    "{Verb} your {noun} with a {parameter}",
    "{Verb} the {noun}",
    "{Verb} a {noun}",
    "{Verb} {noun}s",
    "{Verb} a {noun} by {parameter}",
    "{Verb} the {noun} for a {parameter}",
    "Use this to {verb} a {noun}.",
    "Tool to {verb} a {noun}",
    "{Verb} the {noun} of the user",
    "{Verb} one {noun}, given its {parameter}",
    "Lets somebody {verb} a {noun}",
)


def _common(words: Words) -> Parameter:
    names, kind_type, kind, phrases = words.rng.choice(_COMMON)
    name = words.rng.choice(names.split())
    return Parameter(name, kind_type, lambda: words.value(kind), tuple(phrases.split("|")))


def _enum(words: Words) -> Parameter:
    name, options, phrase = words.rng.choice(_ENUMS)
    if words.chance(0.35):
        name = words.noun()
        options = tuple(dict.fromkeys(words.invented() for _ in range(words.rng.randint(2, 4))))
        phrase = words.phrase(_GENERIC_PHRASES).format(name=name)
    return Parameter(name, "string", lambda: words.rng.choice(options), (phrase,), options)


def _generic(words: Words) -> Parameter:
    """A parameter named by any noun; the request names it too, for nothing else tells what it is."""
    noun = words.noun()
    kind, kind_type = words.rng.choice(
        (("city", "string"), ("person", "string"), ("phrase", "string"), ("code", "string"), ("title", "string"),
         ("integer", "integer"), ("decimal", "number"), ("invented", "string"))
    )  # fmt: skip
    suffix = words.rng.choice(("", "", "", "_name", "_id", "_number", "_code"))
    phrase = words.phrase(_GENERIC_PHRASES).format(name=(noun + suffix).replace("_", " "))
    return Parameter(noun + suffix, kind_type, lambda: words.value(kind), (phrase,))


def _parameters(words: Words) -> tuple[Parameter, ...]:
    count = words.rng.choices((0, 1, 2, 3), (1, 6, 6, 3))[0]
    chosen: dict[str, Parameter] = {}
    shapes: set[tuple[str, ...]] = set()
    for _ in range(count):
        parameter = words.rng.choices((_common, _enum, _generic), (6, 2, 4))[0](words)
        # Two parameters that are filled by the same words could not be told apart.
        openings = tuple(phrase.split("{")[0] for phrase in parameter.phrases)
        if parameter.name not in chosen and not any(set(openings) & set(seen) for seen in shapes):
            chosen[parameter.name] = parameter
            shapes.add(openings)
    return tuple(chosen.values())


def _join(verb: str, noun: str, words: Words) -> str:
    parts = [*verb.split(), *noun.split()]
    style = words.rng.randrange(10)
    if style == 0:
        return parts[0] + "".join(part.capitalize() for part in parts[1:])
    if style == 1:
        return "_".join([*noun.split(), *verb.split()])
    if style == 2:
        return "_".join(noun.split()) + words.rng.choice(("_tool", "_lookup", "", "_service"))
    return "_".join(parts) + ("s" if style == 3 else "")


def invent_tool(
    words: Words, noun: str | None = None, group: tuple[str, ...] | None = None
) -> InventedTool:
    """A tool no list holds: its noun and invented words belong to the split of `words`."""
    group = group or words.rng.choices(VERB_GROUPS, (8, 4, 3, 3, 4, 3, 2, 2, 2, 2, 1, 1))[0]
    if noun is None:
        noun = words.noun()
        if words.chance(0.2):
            noun = f"{words.noun()} {noun}"
    parameters = _parameters(words)
    optional = parameters[-1].name if len(parameters) > 1 and words.chance(0.3) else ""
    verb = words.rng.choice(group)
    # A description that speaks of a parameter is drawn only where there is one.
    description = words.phrase(_DESCRIPTIONS)
    if "{parameter}" in description and not parameters:
        description = "{Verb} the {noun}"
    if words.chance(0.35):
        tail = words.phrase(_TAILS)
        if words.split is Split.TRAIN and words.chance(0.4):
            tail = "".join(f" {words.invented()}" for _ in range(words.rng.randint(1, 3)))
        description = description.removesuffix(".") + tail + words.rng.choice(("", "."))
    said = words.rng.choice(group)
    named = parameters[0].name.replace("_", " ") if parameters else ""
    description = description.format(verb=said, Verb=said.capitalize(), noun=noun, parameter=named)
    required = tuple(p.name for p in parameters if p.name != optional)
    return InventedTool(
        group, noun, _join(verb, noun, words), articled(description), parameters, required
    )
