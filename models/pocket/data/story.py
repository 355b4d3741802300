# ruff: noqa: E501 - a table of sentences reads best with one group per line
"""Skill 3: a short story about a given hero that keeps its names and comes to an end."""

from models.pocket.data.english import articled
from models.pocket.data.example import Check, Example, assistant, user
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
_ASKS = (
    "Tell me a story about a {animal} named {hero}.",
    "Write a short story about a {animal} called {hero}.",
    "Tell a short story about {hero} the {animal}.",
    "Please tell me a story about {hero}, a {animal}.",
    "I want a story about a {animal} named {hero}.",
    "Can you tell a story? The hero is a {animal} called {hero}.",
    "Make up a story about a {animal} with the name {hero}.",
    "A short story about {hero}, a {trait} {animal}, please.",
    "Write a little tale about the {animal} {hero}.",
    "Once more, a story: {hero} the {animal}.",
    "Could you write me a story with a {animal} called {hero}?",
    "Invent a tale in which {hero} is a {animal}.",
)
_OPEN = (
    "Tell me a story.",
    "Tell me a short story.",
    "Tell a story about a {animal}.",
    "Write a short story.",
    "Write a story about a {animal} and a {object}.",
    "Can you tell me a story about a {animal}?",
    "Do you know a story?",
    "I would like to hear a story about a {animal}.",
)
_PLACED = (
    "Tell me a story about a {animal} named {hero} who finds a {object}.",
    "Write a story about {hero} the {animal} and a {object} in a {place}.",
    "Tell a story about a {animal} called {hero} in a {place}.",
    "A story about a {trait} {animal} named {hero}, a {object} and a {place}, please.",
    "Write about {hero}, a {animal} who lives in a {place} and finds a {object}.",
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
    ask = words.phrase(rng.choices((_ASKS, _PLACED, _OPEN), (5, 4, 2))[0])
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
