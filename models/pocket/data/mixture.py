"""The skills, how often each is drawn as training goes on, and the wrapping every conversation may
get.
"""

import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from models.pocket.data import (
    chatter,
    extract,
    recall,
    repeat,
    sentiment,
    story,
    summarise,
    tools,
    topic,
    translate,
)
from models.pocket.data.arithmetic import arithmetic
from models.pocket.data.example import Example, Message, system
from models.pocket.data.splits import Split
from models.pocket.data.words import Words

Maker = Callable[[Words], Example]


@dataclass(frozen=True, slots=True)
class Skill:
    """A generator and its share of the conversations, at the start and late in training."""

    make: Maker
    early: float
    late: float


SKILLS: dict[str, Skill] = {
    "tool_call": Skill(tools.tool_call, 10, 17),
    "everyday_tool": Skill(tools.everyday_tool, 2, 10),
    "tool_answer": Skill(tools.tool_answer, 8, 2),
    "tool_not_needed": Skill(tools.tool_not_needed, 1, 2.5),
    "tool_missing": Skill(tools.tool_missing, 1, 5),
    "extract": Skill(extract.extract, 12, 14),
    "repeat": Skill(repeat.repeat, 14, 9),
    "recall": Skill(recall.recall, 8, 9),
    "context": Skill(recall.answer_from_context, 6, 9),
    "chat": Skill(chatter.chat, 1, 2),
    "unknown": Skill(chatter.unknown, 1, 3),
    "arithmetic2": Skill(partial(arithmetic, digits=2), 4, 4),
    "arithmetic3": Skill(partial(arithmetic, digits=3), 3, 5),
    "sentiment": Skill(sentiment.sentiment, 1, 5),
    "topic": Skill(topic.topic, 1, 5),
    "translate": Skill(translate.translate, 1, 4),
    "summarise": Skill(summarise.summarise, 2, 7),
    "story": Skill(story.story, 0.5, 2.5),
}
_SYSTEMS = (
    "You are a helpful assistant.",
    "You are Kamado Pocket.",
    "Be brief.",
    "Answer in one sentence.",
    "You are an assistant for {title}.",
    "Today is {date}.",
    "You help the customers of {title} in {city}.",
    "Use the tools when they help.",
    "You are a polite assistant. Answer the user's question.",
    "Help {person} with the daily work.",
    "Be helpful and honest.",
    "You work for {person}.",
)
_PREFACES = (
    "Hi. ",
    "Hello! ",
    "I have a question. ",
    "Please help me. ",
    "OK. ",
    "Now this: ",
    "One more thing. ",
    "Next: ",
)


def _system(words: Words) -> Message:
    fill = {kind: words.value(kind) for kind in ("title", "date", "city", "person")}
    return system(words.phrase(_SYSTEMS).format(**fill))


def single(name: str, split: Split, seed: int, index: int, wording: Split | None = None) -> Example:
    """Example `index` of one skill, unwrapped: what the scoring scripts use. Equal arguments,
    equal example.
    """
    rng = random.Random(zlib.crc32(f"{name} {split} {seed} {index}".encode()))
    return SKILLS[name].make(Words(rng, split, wording))


def draw(rng: random.Random, split: Split, late: float) -> Example:
    """One training conversation, perhaps with a system message, perhaps after another exchange.

    `late` 0..1 blends the early weights (copying above all) into the late ones.
    """
    words = Words(rng, split)
    weights = [skill.early * (1 - late) + skill.late * late for skill in SKILLS.values()]
    example = rng.choices(list(SKILLS.values()), weights)[0].make(words)
    messages = list(example.messages)
    if messages[0]["role"] != "system":
        if words.chance(0.15):
            earlier = rng.choices(list(SKILLS.values()), weights)[0].make(words)
            # Tools belong to the whole conversation; an exchange that brings its own cannot be put
            # before another.
            if not earlier.tools and earlier.messages[0]["role"] != "system":
                messages = earlier.messages + messages
        if messages[0]["role"] == "user" and words.chance(0.1):
            preface = words.phrase(_PREFACES)
            messages[0] = {"role": "user", "content": preface + messages[0]["content"]}
        if words.chance(0.35):
            messages = [_system(words) for _ in range(rng.choice((1, 1, 1, 2)))] + messages
    return Example(example.skill, messages, example.check, example.tools)
