"""Wordings are composed of fragments that training and test do not share."""

import random
import re
from itertools import chain

import pytest

from models.pocket.data import (
    arithmetic,
    chatter,
    extract,
    recall,
    repeat,
    sentiment,
    story,
    summarise,
    tool_requests,
    topic,
    translate,
)
from models.pocket.data.grammar import ASIDES, Grammar, lines
from models.pocket.data.splits import Split, phrasings
from models.pocket.data.words import Words

MODULES = (
    arithmetic, chatter, extract, recall, repeat, sentiment, story, summarise, tool_requests,
    topic, translate,
)  # fmt: skip
GRAMMARS = {
    f"{module.__name__.rpartition('.')[2]}{name.lower()}": value
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, Grammar)
}
LISTS = {f"asides.{name}": pool for name, pool in ASIDES.items()} | {
    f"{grammar}.{name}": pool
    for grammar, value in GRAMMARS.items()
    for name, pool in chain(value.core.items(), value.sides.items())
}


def _marked(count: int, prefix: str) -> tuple[str, ...]:
    return tuple(f"{prefix}{index:02d}" for index in range(count))


@pytest.mark.parametrize("pool", LISTS.values(), ids=LISTS)
def test_no_fragment_belongs_to_two_splits(pool: tuple[str, ...]) -> None:
    train, validation, test = (set(phrasings(split, pool)) for split in Split)
    assert train.isdisjoint(validation)
    assert test.isdisjoint(train | validation)
    assert len(test) >= len(pool) // 6


@pytest.mark.parametrize("grammar", GRAMMARS.values(), ids=GRAMMARS)
@pytest.mark.parametrize("split", Split)
def test_every_rule_is_known_and_every_slot_survives(grammar: Grammar, split: Split) -> None:
    start = "\n".join(grammar.core["start"])
    slots = set(
        re.findall(r"\{\w+\}", start + "\n".join(chain(*grammar.core.values(), *ASIDES.values())))
    )
    rng = random.Random(3)
    for _ in range(200):
        template = Words(rng, split).compose(grammar)
        assert not re.search(r"<\w+\??>", template)
        assert set(re.findall(r"\{[^}]*\}", template)) <= slots | {"{name}", "{text}"}
        assert template == template.strip()
        assert "  " not in template


def test_a_held_out_wording_has_a_held_out_core_fragment_and_training_has_none() -> None:
    core = {
        "start": tuple(f"{mark} <verb> <how>" for mark in _marked(12, "s")),
        "verb": _marked(12, "v"),
    }
    grammar = Grammar(core, {"how": _marked(12, "h")})

    def held_out(split: Split) -> set[str]:
        fragments = chain.from_iterable(phrasings(split, pool) for pool in core.values())
        return {fragment.split()[0] for fragment in fragments}

    sides = {
        s for split in (Split.TEST, Split.VALIDATION) for s in phrasings(split, _marked(12, "h"))
    }
    rng = random.Random(1)
    for split in Split:
        for _ in range(300):
            said = set(grammar.compose(rng, split).lower().split())
            if split is Split.TRAIN:
                assert said.isdisjoint(held_out(Split.TEST) | held_out(Split.VALIDATION) | sides)
            else:
                assert said & held_out(split)
                other = Split.VALIDATION if split is Split.TEST else Split.TEST
                assert said.isdisjoint(held_out(other))


def test_a_grammar_composes_far_more_wordings_than_it_has_fragments() -> None:
    for name, grammar in GRAMMARS.items():
        rng = random.Random(2)
        fragments = sum(map(len, chain(grammar.core.values(), grammar.sides.values())))
        distinct = {grammar.compose(rng, Split.TRAIN) for _ in range(3000)}
        assert len(distinct) > 2 * min(fragments, 150), name


def test_disturbing_a_wording_leaves_its_slots() -> None:
    words = Words(random.Random(4), Split.TRAIN)
    pool = lines("""
        please do {a} with the {b} for us
        read me the {b} and then {a} again
        what is {a} about {b}
        take {b} out of {a} today
        some {a} in {b} please
        now {a} {b} here
    """)
    seen = {words.fragment(pool) for _ in range(2000)}
    assert len(seen) > 50
    assert all(sorted(re.findall(r"\{\w+\}", text)) == ["{a}", "{b}"] for text in seen)
