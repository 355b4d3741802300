# ruff: noqa: E501 - a table of sentences reads best with one group per line
"""Skill 3: a short story about a given hero that keeps its names and comes to an end."""

from models.pocket.data.english import articled
from models.pocket.data.example import Check, Example, assistant, user
from models.pocket.data.grammar import Grammar, lines
from models.pocket.data.words import Words

_ANIMALS = (
    "fox dog cat mouse rabbit bear owl wolf frog duck horse hen goat hedgehog squirrel turtle bird lion elephant monkey"
).split()
_PLACES = (
    "forest",
    "village",
    "garden",
    "valley",
    "mill",
    "farm",
    "meadow",
    "cave",
    "castle",
    "harbour",
    "park",
    "town",
)
_OBJECTS = (
    "key",
    "lamp",
    "map",
    "ring",
    "bell",
    "ball",
    "book",
    "coin",
    "kite",
    "drum",
    "box",
    "hat",
    "boat",
    "cup",
)
_TRAITS = (
    "small",
    "brave",
    "kind",
    "curious",
    "shy",
    "clever",
    "old",
    "young",
    "quiet",
    "cheerful",
)
_BEGINNINGS = (
    "Once upon a time there was a {trait} {animal} named {hero} who lived in a {place}.",
    "In a {place} there lived a {trait} {animal}. Its name was {hero}.",
    "{hero} was a {trait} {animal} who lived in a {place}.",
    "Long ago, a {trait} {animal} called {hero} lived near a {place}.",
)
_EVENTS = (
    "One day {hero} found a {object} under a tree.",
    "One morning {hero} saw a shining {object} on the path.",
    "One evening {hero} heard a noise and found a {object}.",
    "One day it rained so hard that a {object} was washed to the door of {hero}.",
)
_WORRIES = (
    "{hero} did not know who had lost it.",
    "Nobody in the {place} knew whose {object} it was.",
    '"Who lost this {object}?" asked {hero}.',
    "{hero} wanted to keep the {object}, but that did not feel right.",
)
_HELPERS = (
    "Then {hero} met {friend} the {other}, who was crying.",
    "So {hero} asked {friend} the {other} for help.",
    "On the way {hero} met {friend}, a {other} with a sad face.",
    "Soon {friend} the {other} came along and looked very sad.",
)
_TURNS = (
    '"That is my {object}!" said {friend}.',
    "{friend} said that the {object} had been lost for a long time.",
    '"I have looked for my {object} everywhere," said {friend}.',
    "When {friend} saw the {object}, the tears were gone.",
)
_ENDS = (
    "{hero} gave the {object} back, and they became friends.",
    "{hero} gave it back, and {friend} danced for joy. From that day on they were best friends.",
    "So {hero} returned the {object}. That night the two friends had a party in the {place}.",
    "{hero} was glad to give it back, and {friend} shared a big cake with {hero}. The end.",
)
_ASK = Grammar(
    core={
        "start": lines("""
            <ask?> <tell> <story> about a {animal} <named> {hero}.
            <ask?> <tell> <story> about a {animal} <named> {hero}.
            <ask?> <tell> <story> about {hero} the {animal}.
            <ask?> <tell> <story> about {hero}, a {animal}.
            <ask?> <tell> <story> about a {trait} {animal} <named> {hero}.
            <ask?> <tell> <story> with a {animal} <named> {hero}.
            <ask?> <tell> <story> about a {animal}.
            <ask?> <tell> <story> about a {animal} and a {object}.
            <ask?> <tell> <story>.
            <ask?> <tell> <story>, <bye>.
            <ask?> <tell> <story> about a {animal} <named> {hero} who finds a {object}.
            <ask?> <tell> <story> about {hero} the {animal} and a {object} in a {place}.
            <ask?> <tell> <story> about a {animal} <named> {hero} in a {place}.
            <ask?> <tell> <story> in a {place} about {hero}, a {animal}.
            <story> about a {animal} <named> {hero}, <bye>
            <story> about {hero}, a {trait} {animal}, please.
            <story> about a {trait} {animal} <named> {hero}, a {object} and a {place}, please.
            <story> with {hero} the {animal}
            <story>, <bye>
            i want <story> about a {animal} <named> {hero}.
            i want to hear <story> about a {animal} <named> {hero}.
            i would like <story> about {hero}, a {animal} in a {place}.
            <ask?> <tell> <story>. the hero is a {animal} <named> {hero}.
            <ask?> <tell> <story>. it is about a {animal} <named> {hero}.
            <ask?> <tell> <story>. hero: {hero}, a {animal}. place: a {place}.
            do you know <story>?
            do you know <story> about a {animal}?
            do you know <story> about {hero} the {animal}?
            my child wants <story> about a {animal} <named> {hero}.
            write about {hero}, a {animal} who lives in a {place} and finds a {object}.
            write about a {animal} <named> {hero}.
            <story>: a {animal} <named> {hero} finds a {object}.
            once more, <story>: {hero} the {animal}.
            there was a {animal} <named> {hero}. <tell> <story> about it.
            could you write me <story> with a {animal} called {hero}?
            invent <story> in which {hero} is a {animal}.
            let me hear of {hero}, a {animal} in a {place}. make it <story>.
            a {animal} <named> {hero}, a {object}, a {place}: make <story> of it.
            what happened to {hero} the {animal}? <tell> <story>.
            i am bored. <tell> <story> about a {animal} <named> {hero}.
            read me <story> about {hero}, the {trait} {animal}.
            who was {hero} the {animal}? <tell> <story>.
        """),
        "tell": lines("""
            tell me
            tell me
            tell
            write
            write me
            make up
            tell us
            give me
            create
            think of
            invent
            compose
            come up with
            narrate
            share
        """),
        "story": lines("""
            a story
            a story
            a short story
            a short story
            a little story
            a tale
            a little tale
            a small story
            a story for children
            a bedtime story
            a nice story
            a fairy tale
            a brief story
            a children's story
            a yarn
            a fable
        """),
    },
    sides={
        "named": lines("""
            named
            named
            called
            called
            with the name
            whose name is
            by the name of
            that is called
            who is called
            which is named
            that goes by
            known as
        """),
    },
)


def story(words: Words) -> Example:
    """Six sentences; what the request names must appear, what it leaves open is drawn."""
    rng = words.rng
    animal, other = rng.sample(_ANIMALS, 2)
    if words.chance(0.25):
        animal = words.noun()
    fill = {
        "animal": animal, "other": other, "hero": words.first_name(), "friend": words.known_name(),
        "place": rng.choice(_PLACES), "object": rng.choice(_OBJECTS), "trait": rng.choice(_TRAITS),
    }  # fmt: skip
    if fill["friend"] == fill["hero"]:
        return story(words)
    ask = words.compose(_ASK)
    if "{hero}" not in ask:
        fill["hero"] = words.known_name()
        if fill["friend"] == fill["hero"]:
            return story(words)
    parts = (_BEGINNINGS, _EVENTS, _WORRIES, _HELPERS, _TURNS, _ENDS)
    text = " ".join(rng.choice(part).format(**fill) for part in parts)
    named = tuple(
        fill[key] for key in ("hero", "animal", "place", "object") if "{" + key + "}" in ask
    )
    return Example(
        "a short story",
        [user(articled(ask.format(**fill))), assistant(articled(text))],
        Check("story", named),
    )
