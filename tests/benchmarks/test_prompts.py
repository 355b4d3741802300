import pytest

from benchmarks.prompts import TextPrompts, TokenIdPrompts


class LetterTokenizer:
    """One token per character."""

    def __call__(self, text, add_special_tokens):
        return {"input_ids": [ord(letter) for letter in text]}

    def decode(self, ids):
        return "".join(map(chr, ids))


def test_an_index_is_a_prompt():
    prompts = TextPrompts(seed=0, shortest=10, longest=20)
    assert prompts.prompt(3) == TextPrompts(0, 10, 20).prompt(3)
    assert len({prompts.prompt(index) for index in range(100)}) == 100
    assert prompts.prompt(3) != TextPrompts(1, 10, 20).prompt(3)


def test_lengths_are_in_range():
    words = TextPrompts(seed=0, shortest=10, longest=12)
    assert {len(words.prompt(index).split()) for index in range(100)} == {10, 11, 12}
    letters = TextPrompts(seed=0, shortest=10, longest=12, tokenizer=LetterTokenizer())
    assert {len(letters.prompt(index)) for index in range(100)} == {10, 11, 12}
    ids = TokenIdPrompts(seed=0, shortest=10, longest=12, first_id=300, vocab_size=310)
    rows = [ids.prompt(index) for index in range(100)]
    assert {len(row) for row in rows} == {10, 11, 12}
    assert {id_ for row in rows for id_ in row} == set(range(300, 310))


def test_a_few_prompts_are_as_long_as_many():
    for first in (0, 1000, 2_600_001):
        for count in (5, 8, 16, 50):
            prompts = TextPrompts(seed=0, shortest=32, longest=256)
            lengths = [len(prompts.prompt(index).split()) for index in range(first, first + count)]
            assert sum(lengths) / count == pytest.approx(144, rel=0.2)
