"""How a person asks for an invented tool: carriers, look-ups, and the phrases that give values."""

import re
from typing import Any

from models.pocket.data.english import articled
from models.pocket.data.grammar import Grammar, fragment, lines
from models.pocket.data.tool_schemas import InventedTool
from models.pocket.data.words import Words

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


def spoken(value: Any) -> str:
    """A list as 'Ada, Ben and Cy', any other value as Python prints it."""
    if not isinstance(value, list):
        return str(value)
    return ", ".join(value[:-1]) + f" and {value[-1]}" if len(value) > 1 else str(value[0])


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
        rest.append(phrase.format(spoken(value)))
    return rest, arguments


def request(words: Words, tool: InventedTool) -> tuple[str, dict[str, Any]]:
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
