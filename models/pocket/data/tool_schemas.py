# ruff: noqa: E501 - a table of sentences reads best with one group per line
"""Invents tools in OpenAI's shape: a verb, a noun, up to three parameters, and how a person would fill them."""

from collections.abc import Callable
from dataclasses import dataclass

from models.pocket.data.english import articled
from models.pocket.data.example import Tool
from models.pocket.data.grammar import lines
from models.pocket.data.splits import Split
from models.pocket.data.words import Words

Value = str | int | float | bool | list[str]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter and the phrases, each with one {}, that give its value in a request."""

    name: str
    type: str
    draw: Callable[[], Value]
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
            if parameter.type == "array":
                properties[parameter.name]["items"] = {"type": "string"}
            if parameter.enum:
                properties[parameter.name]["enum"] = list(parameter.enum)
        parameters = {"type": "object", "properties": properties, "required": list(self.required)}
        function = {"name": self.name, "description": self.description, "parameters": parameters}
        return {"type": "function", "function": function}


VERB_GROUPS: tuple[tuple[str, ...], ...] = (
    (
        "get",
        "fetch",
        "show",
        "look up",
        "check",
        "find",
        "read",
        "search",
        "retrieve",
        "see",
        "view",
        "display",
    ),
    ("create", "add", "make", "register", "write", "set up", "enter"),
    ("delete", "remove", "cancel", "drop", "erase", "get rid of"),
    ("send", "mail", "forward", "deliver", "pass on"),
    ("book", "reserve", "order", "buy"),
    ("update", "change", "edit", "set", "modify", "correct"),
    ("start", "run", "launch", "open", "turn on"),
    ("stop", "end", "close", "turn off"),
    ("convert", "translate", "transform"),
    ("calculate", "compute", "estimate", "count"),
    ("play", "stream"),
    ("compare", "rank"),
)

# names; type; kind of value; phrases
_COMMON = tuple(
    tuple(part.strip() for part in row.split(";"))
    for row in lines("""
        city location place town where; string; city; in {} | for {} | at {} | near {} | around {} | in the city of {} | over in {} | close to {} | outside {} | in the {} area | within {} | somewhere in {}
        origin from_city departure start from; string; city; from {} | leaving from {} | starting in {} | out of {} | starting from {} | from the city of {} | departing from {} | leaving {} | beginning in {} | coming from {} | setting out from {}
        destination to_city target to end; string; city; to {} | going to {} | towards {} | that goes to {} | with destination {} | travelling to {} | bound for {} | headed to {} | with {} as the destination | ending in {} | heading for {}
        date day when; string; date; on {} | for {} | dated {} | on the day {} | this {} | scheduled for {} | of {} | due {} | planned for {} | set for {} | falling on {}
        time start_time hour at; string; time; at {} | for {} | starting at {} | from {} on | around {} | at {} sharp | beginning at {} | at exactly {} | about {} | at the hour of {} | no later than {}
        name person customer guest client user; string; person; for {} | named {} | under the name {} | of {} | on behalf of {} | belonging to {} | in the name of {} | with the name {} | with {} | that belongs to {} | on the account of {}
        recipient to receiver; string; person; to {} | addressed to {} | that goes to {} | for {} | going to {} | which {} should get | for the eyes of {} | to my friend {} | directed to {} | meant for {} | destined for {}
        sender from author; string; person; from {} | by {} | sent by {} | signed by {} | written by {} | in the name of {} | coming from {} | that {} wrote | authored by {} | with {} as sender
        email address email_address mail; string; email; to {} | for {} | with the address {} | using {} | at {} | with mail {} | via {} | with the email {} | through the address {} | reachable at {}
        title subject topic headline; string; title; titled {} | called {} | about {} | with the title {} | named {} | under the title {} | with {} as title | entitled {} | headed {} | with the heading {} | bearing the title {}
        text message body content query; string; phrase; saying "{}" | with the text "{}" | that says "{}" | "{}" | : "{}" | with the words "{}" | reading "{}" | that reads '{}' | with the message "{}" | containing "{}" | and write "{}" | which states "{}"
        amount total price value; number; decimal; for {} euros | of {} dollars | worth {} | over {} | at {} euros | with a value of {} | costing {} | for the sum of {} | for {} EUR | priced at {} | amounting to {}
        quantity count number limit items; integer; integer; with {} items | {} of them | up to {} | for {} pieces | at most {} | {} times | in a quantity of {} | all {} | no more than {} | {} pieces of it | numbering {}
        people guests seats persons; integer; age; for {} people | with {} seats | for {} persons | for a group of {} | for {} guests | with room for {} people | for {} of us | seating {} | for a party of {} | to hold {} people
        minutes duration length; integer; age; for {} minutes | lasting {} minutes | of {} minutes | {} minutes long | that takes {} minutes | within {} minutes | in {} minutes | over {} minutes | with a length of {} minutes | going on for {} minutes
        days nights; integer; age; for {} days | over {} days | for {} nights | {} days long | lasting {} days | of {} nights | during {} days | staying {} nights | for a stretch of {} days
        from_currency source base; string; currency; from {} | starting with {} | given in {} | out of {} | currently in {} | paid in {} | coming from {} | now in {} | held in {}
        to_currency target into; string; currency; to {} | into {} | so that it is in {} | giving {} | for {} | in {} | over to {} | ending up in {} | resulting in {}
        a x first first_number; integer; integer; {} | of {} | with {} | for {} | starting with {} | using {} | beginning from {}
        b y second second_number; integer; integer; and {} | plus {} | by {} | and also {} | against {} | versus {} | then {}
        task text reminder todo; string; task; to {} | so that I {} | because I must {} | for me to {} | saying that I should {} | since I have to {} | which tells me to {} | in order to {} | as I need to {}
        query q keyword term; string; phrase; for {} | about {} | with the words {} | matching {} | on {} | containing {} | with "{}" | for "{}" | that mentions {} | related to {} | having to do with {}
        topic subject theme; string; phrase; about {} | regarding {} | on the topic {} | on {} | that deals with {} | concerning {} | on the subject of {} | treating {} | with regard to {} | dealing with {}
        code id reference order_id number; string; code; {} | with the code {} | number {} | with id {} | with number {} | no. {} | having the id {} | under {} | with reference {} | listed as {} | marked {}
        company brand firm shop; string; title; by {} | of the company {} | from {} | at {} | made by {} | with the company {} | of {} | sold by {} | of the brand {} | from the firm {} | produced by {}
        attendees participants guests members people; array; names; with {} | for {} | inviting {} | together with {} | including {} | that includes {} | for the people {} | joined by {} | attended by {}
    """)
)
_ENUMS = tuple(
    tuple(part.strip() for part in row.split(";"))
    for row in lines("""
        unit units scale; celsius fahrenheit; in {} | measured in {} | given in {} | using {} | with {} as unit | expressed in {}
        unit units; km miles; in {} | measured in {} | given in {} | using {} | with {} as unit | expressed in {}
        unit units; kg pounds grams; in {} | measured in {} | given in {} | using {} | with {} as unit | expressed in {}
        currency; EUR USD GBP JPY; in {} | paid in {} | using {} | billed in {} | charged in {} | priced in {}
        priority urgency; low medium high; with {} priority | at {} priority | of {} priority | that has {} priority | marked {} | treated as {}
        size; small medium large; in size {} | of {} size | in {} | that is {} | sized {} | the {} one
        language lang; English French German Spanish; in {} | written in {} | in the {} language | using {} | spoken in {} | rendered in {}
        format type; pdf csv json html; as {} | in {} format | as a {} file | in {} | saved as {} | exported as {}
        colour color; red blue green yellow; in {} | that is {} | painted {} | coloured {} | of {} colour | dyed {}
        color colour; green yellow black white; in {} | that is {} | painted {} | coloured {} | of {} colour | dyed {}
        weekday day; Monday Tuesday Wednesday Thursday Friday; on {} | for {} | next {} | this {} | every {} | come {}
        mode speed; fast slow normal; in {} mode | at {} speed | in the {} mode | using {} mode | set to {} | going {}
        order sort; asc desc; in {} order | sorted {} | ordered {} | with {} order | arranged {} | going {}
    """)
)
_GENERIC_PHRASES = lines("""
    with {name} {{}}
    with the {name} {{}}
    and the {name} {{}}
    with {{}} as the {name}
    using the {name} {{}}
    where the {name} is {{}}
    {name}: {{}}
    whose {name} is {{}}
    {name} {{}}
    the {name} is {{}}
    {name} = {{}}
    for the {name} {{}}
    for {name} {{}}
    having the {name} {{}}
    by the {name} {{}}
    of the {name} {{}}
    the {name} should be {{}}
    and {{}} is the {name}
    with {{}} for {name}
    in the {name} {{}}
    taking {{}} as {name}
    on {name} {{}}
    {{}} being the {name}
    with {name} set to {{}}
    with a {name} of {{}}
    the {name} shall be {{}}
    choosing {{}} for the {name}
""")
_TAILS = lines("""
    in the system
    from the list
    for the customer
    in the database
    and return it
    of the company
    on request
    when asked
    for somebody
    here
    if there is one
    at once
    from the server
    and give it back
    in the app
    by its name
    that belongs to the user
    as JSON
    of this account
    for you
    of the current user
    whenever needed
""")
_DESCRIPTIONS = lines("""
    {verb} {noun}
    This tool can {verb} a {noun}
    A tool that lets you {verb} {noun}s
    {Verb} any {noun}
    {Verb} your {noun} with a {parameter}
    {Verb} the {noun}
    {Verb} a {noun}
    {Verb} {noun}s
    {Verb} a {noun} by {parameter}
    {Verb} the {noun} for a {parameter}
    Use this to {verb} a {noun}.
    Tool to {verb} a {noun}
    {Verb} an existing {noun}
    Allows to {verb} a {noun}
    {Verb} a {noun} with the given {parameter}
    Function to {verb} the {noun}
    Helps to {verb} {noun}s
    {noun}: {verb}
    Can {verb} the {noun}
    {Verb} the current {noun}
    It can {verb} {noun}s
    {Verb} some {noun}
    {Verb} the {noun} of the user
    {Verb} a {noun} for a person
    Makes it possible to {verb} a {noun}
    {Verb} one {noun}, given its {parameter}
    Lets somebody {verb} a {noun}
    Call this in order to {verb} the {noun}
    A way to {verb} the {noun}
    Does what is needed to {verb} a {noun}
""")


def draw_value(words: Words, kind: str) -> Value:
    """A value of one of the kinds of Words.value, or a few names."""
    if kind == "names":
        return list(dict.fromkeys(words.first_name() for _ in range(words.rng.randint(2, 3))))
    return words.value(kind)


def _common(words: Words) -> Parameter:
    names, json_type, kind, phrases = words.rng.choice(_COMMON)
    name = words.rng.choice(names.split())
    return Parameter(name, json_type, lambda: draw_value(words, kind), tuple(phrases.split(" | ")))


def _enum(words: Words) -> Parameter:
    names, listed, said = words.rng.choice(_ENUMS)
    name, options = words.rng.choice(names.split()), tuple(listed.split())
    phrases = tuple(said.split(" | "))
    if words.chance(0.35):
        name = words.noun()
        options = tuple(dict.fromkeys(words.invented() for _ in range(words.rng.randint(2, 4))))
        phrases = tuple(phrase.format(name=name) for phrase in _GENERIC_PHRASES)
    return Parameter(name, "string", lambda: words.rng.choice(options), phrases, options)


def _generic(words: Words) -> Parameter:
    """A parameter named by any noun; the request names it too, for nothing else tells what it is."""
    noun = words.noun()
    kind, kind_type = words.rng.choice(
        (("city", "string"), ("person", "string"), ("phrase", "string"), ("code", "string"), ("title", "string"),
         ("integer", "integer"), ("decimal", "number"), ("invented", "string"))
    )  # fmt: skip
    suffix = words.rng.choice(("", "", "", "_name", "_id", "_number", "_code"))
    spoken = (noun + suffix).replace("_", " ")
    phrases = tuple(phrase.format(name=spoken) for phrase in _GENERIC_PHRASES)
    return Parameter(noun + suffix, kind_type, lambda: words.value(kind), phrases)


def _parameters(words: Words) -> tuple[Parameter, ...]:
    count = words.rng.choices((0, 1, 2, 3), (1, 6, 6, 3))[0]
    chosen: dict[str, Parameter] = {}
    for _ in range(count):
        parameter = words.rng.choices((_common, _enum, _generic), (6, 2, 4))[0](words)
        # Two parameters that are filled by the same words could not be told apart.
        alike = any(set(parameter.phrases[:3]) <= set(p.phrases) for p in chosen.values())
        if parameter.name not in chosen and not alike:
            chosen[parameter.name] = parameter
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
    description = words.fragment(_DESCRIPTIONS)
    if "{parameter}" in description and not parameters:
        description = "{Verb} the {noun}"
    if words.chance(0.35):
        tail = " " + words.fragment(_TAILS)
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
