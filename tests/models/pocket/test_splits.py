"""The training set cannot meet the test set: pools, phrasings and drawn conversations are
disjoint.
"""

import json
import re

import pytest

from models.pocket.data import (
    chatter,
    classify,
    extract,
    recall,
    repeat,
    story,
    summarise,
    tool_schemas,
    tools,
    translate,
)
from models.pocket.data.arithmetic import _MINUS, _PLUS
from models.pocket.data.lexicon import FIRST_NAMES, NOUNS, PLACES, SURNAMES
from models.pocket.data.mixture import SKILLS, single
from models.pocket.data.splits import Split, owned, phrasings

POOLS = {"first names": FIRST_NAMES, "surnames": SURNAMES, "places": PLACES, "nouns": NOUNS}
ASKS = {
    "tool requests": tools._REQUESTS,
    "tool look-ups": tools._LOOKUPS,
    "tool descriptions": tool_schemas._DESCRIPTIONS,
    "repeat": repeat._ASKS,
    "extract": extract._ASKS,
    "context": recall._CONTEXTS,
    "plus": _PLUS,
    "minus": _MINUS,
    "sentiment": classify._SENTIMENT_ASKS,
    "topic": classify._TOPIC_ASKS,
    "translate": translate._ASKS,
    "summarise": summarise._ASKS,
    "story": story._ASKS,
    "unknown": chatter._UNKNOWN,
}


@pytest.mark.parametrize("pool", POOLS.values(), ids=POOLS)
def test_every_split_owns_words_and_shares_none(pool: tuple[str, ...]) -> None:
    parts = [set(owned(split, pool)) for split in Split]
    assert all(parts)
    assert sum(len(part) for part in parts) == len(set(pool))


@pytest.mark.parametrize("phrases", ASKS.values(), ids=ASKS)
def test_test_phrasings_are_not_trained(phrases: tuple[str, ...]) -> None:
    assert set(phrasings(Split.TEST, phrases)).isdisjoint(phrasings(Split.TRAIN, phrases))
    assert set(phrasings(Split.VALIDATION, phrases)).isdisjoint(phrasings(Split.TRAIN, phrases))


def test_too_few_phrasings_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        phrasings(Split.TRAIN, ("one", "two"))


@pytest.mark.parametrize("skill", SKILLS)
def test_no_test_prompt_is_ever_drawn_for_training(skill: str) -> None:
    def prompts(split: Split, count: int) -> set[str]:
        drawn = (single(skill, split, 0, index) for index in range(count))
        return {json.dumps([example.prompt, example.tools]) for example in drawn}

    assert prompts(Split.TRAIN, 1500).isdisjoint(prompts(Split.TEST, 300))


def test_no_tool_of_the_test_set_is_drawn_for_training() -> None:
    def names(split: Split, count: int) -> set[str]:
        drawn = (single("tool_call", split, 0, index) for index in range(count))
        return {tool["function"]["name"] for example in drawn for tool in example.tools}

    assert names(Split.TRAIN, 1500).isdisjoint(names(Split.TEST, 300))


def test_a_pair_of_numbers_belongs_to_one_split_in_either_order() -> None:
    def pairs(split: Split) -> set[tuple[int, ...]]:
        drawn = (single("arithmetic2", split, 0, index) for index in range(500))
        asked = (re.findall(r"\d+", example.messages[0]["content"])[:2] for example in drawn)
        return {tuple(sorted(map(int, numbers))) for numbers in asked}

    assert pairs(Split.TRAIN).isdisjoint(pairs(Split.TEST))
