"""The training set cannot meet the test set: pools, phrasings and drawn conversations are
disjoint.
"""

import json
import re

import pytest

from models.pocket.data import (
    chatter,
    facts,
    mixture,
    records,
    repeat,
    sentiment,
    summarise,
    tool_results,
    topic,
)
from models.pocket.data import tool_schemas as schemas
from models.pocket.data.everyday_tools import EVERYDAY_TOOLS
from models.pocket.data.lexicon import FIRST_NAMES, NOUNS, PLACES, SURNAMES
from models.pocket.data.mixture import SKILLS, single
from models.pocket.data.splits import Split, owned, phrasings

POOLS = {"first names": FIRST_NAMES, "surnames": SURNAMES, "places": PLACES, "nouns": NOUNS}
ASKS = {
    "tool descriptions": schemas._DESCRIPTIONS,
    "description tails": schemas._TAILS,
    "named parameters": schemas._GENERIC_PHRASES,
    "tool sentences": tool_results._SENTENCES,
    "repeat times": repeat._TIMES,
    "labelled values": records.LABELLED,
    "record middles": records.MIDDLES,
    "opinions": sentiment._OPINIONS,
    "reactions": sentiment._REACTIONS,
    "news": topic._FRAMES,
    "fillers": summarise._FILLERS,
    "unknown": chatter._UNKNOWN,
    "unable": chatter._UNABLE,
    "system messages": mixture._SYSTEMS,
    **{f"parameter {row[0]}": tuple(row[-1].split(" | ")) for row in schemas._COMMON},
    **{f"options {row[0]} {row[1]}": tuple(row[-1].split(" | ")) for row in schemas._ENUMS},
    **{f"record {index}": row[1] for index, row in enumerate(records.RECORDS)},
    **{f"clause {key}": row[1] for key, row in (records.CLAUSES | records.FIELDS).items()},
    **{f"said {fact.answer} {fact.kind}": fact.statements for fact in facts.OWN + facts.OTHERS},
    **{f"asked {fact.answer} {fact.kind}": fact.questions for fact in facts.OWN + facts.OTHERS},
    **{f"talk {answer}": questions for answer, questions in chatter._TALK},
    **{f"first {report.summary}": report.first for report in summarise._REPORTS},
    **{f"last {report.summary}": report.last for report in summarise._REPORTS},
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
        phrasings(Split.TRAIN, ("one", "two", "three"))


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


def test_a_kind_of_everyday_tool_belongs_to_one_split() -> None:
    parts = [phrasings(split, EVERYDAY_TOOLS) for split in Split]
    names = [{name for kind in part for name in kind.names} for part in parts]
    said = [{text for kind in part for text in kind.descriptions} for part in parts]
    for train, validation, test in (names, said):
        assert train.isdisjoint(validation | test)
        assert validation.isdisjoint(test)


def test_a_pair_of_numbers_belongs_to_one_split_in_either_order() -> None:
    def pairs(split: Split) -> set[tuple[int, ...]]:
        drawn = (single("arithmetic2", split, 0, index) for index in range(500))
        asked = (re.findall(r"\d+", example.messages[0]["content"])[:2] for example in drawn)
        return {tuple(sorted(map(int, numbers))) for numbers in asked}

    assert pairs(Split.TRAIN).isdisjoint(pairs(Split.TEST))
