"""The generator is deterministic, its answers are right, and the judge accepts exactly those."""

import random
import re

import pytest

from models.pocket.data.arithmetic import addition_working, subtraction_working
from models.pocket.data.english import articled
from models.pocket.data.mixture import SKILLS, draw, single
from models.pocket.data.splits import Split
from models.pocket.judge import is_right, reference


@pytest.mark.parametrize("skill", SKILLS)
def test_equal_arguments_give_equal_examples(skill: str) -> None:
    first = [single(skill, Split.TRAIN, 3, index) for index in range(20)]
    assert first == [single(skill, Split.TRAIN, 3, index) for index in range(20)]
    assert first != [single(skill, Split.TRAIN, 4, index) for index in range(20)]


@pytest.mark.parametrize("skill", SKILLS)
@pytest.mark.parametrize("split", Split)
def test_the_reference_answer_is_judged_right(skill: str, split: Split) -> None:
    for index in range(50):
        example = single(skill, split, 5, index)
        assert example.messages[-1]["role"] == "assistant"
        assert is_right(example, reference(example)), example
        assert not is_right(example, "?")


def test_workings_end_in_the_digits_of_the_result() -> None:
    rng = random.Random(1)
    for _ in range(300):
        a, b = sorted((rng.randint(1, 999), rng.randint(1, 999)), reverse=True)
        digits = [step.split("=")[1] for step in subtraction_working(a, b).split(", ")]
        assert int("".join(reversed(digits))) == a - b
        sums = [step.split("=")[1] for step in addition_working(a, b).split(", ")]
        assert int(sums[-1] + "".join(s[-1] for s in reversed(sums[:-1]))) == a + b
        for step in re.findall(
            r"[\d+-]+=\d+", addition_working(a, b) + ", " + subtraction_working(a, b)
        ):
            left, right = step.split("=")
            assert sum(int(term) for term in re.findall(r"(?:^|[+-])\d+", left)) == int(right)


def test_draw_follows_its_seed() -> None:
    def some(seed: int) -> list[object]:
        rng = random.Random(seed)
        return [draw(rng, Split.TRAIN, 0.5) for _ in range(50)]

    assert some(1) == some(1)
    assert some(1) != some(2)


def test_articles() -> None:
    assert articled("Tell a owl about a fox and a user.") == "Tell an owl about a fox and a user."
