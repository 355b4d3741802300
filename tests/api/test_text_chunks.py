"""Chunks lose nothing, keep within their bounds, and end with sentences where they can."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from api.text_chunks import Chunk, chunks

TEXTS = st.text("ab .!?\n\"')。", max_size=200)


def cut(text, max_tokens, max_sentences=None):
    """One token per character."""
    return list(chunks(text, num_tokens=len, max_tokens=max_tokens, max_sentences=max_sentences))


@settings(max_examples=400, deadline=None)
@example(text="a  ?", max_tokens=1, max_sentences=None)
@given(text=TEXTS, max_tokens=st.integers(1, 40), max_sentences=st.none() | st.integers(1, 3))
def test_nothing_is_lost_and_nothing_too_long(text, max_tokens, max_sentences):
    found = cut(text, max_tokens, max_sentences)
    assert "".join(chunk.text + chunk.gap for chunk in found) == text.strip()
    for chunk in found:
        assert chunk.text
        assert not chunk.gap.strip()
        assert len(chunk.text) <= max_tokens


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ('"Why?" she asked. He left.', ['"Why?"', "she asked.", "He left."]),
        ("A title\nA line. 3.5 euros", ["A title", "A line.", "3.5 euros"]),
        ("今日は。明日は！", ["今日は。", "明日は！"]),
        ("  ", []),
    ],
)
def test_sentences(text, sentences):
    assert [chunk.text for chunk in cut(text, 1000, 1)] == sentences


def test_as_many_sentences_as_fit():
    assert cut("Aa. Bb.  Cc.\n\nDd.", 8) == [Chunk("Aa. Bb.", "  "), Chunk("Cc.\n\nDd.", "")]


def test_a_long_sentence_is_cut_at_spaces():
    assert [chunk.text for chunk in cut("aaaa bbbb cccc", 9)] == ["aaaa", "bbbb cccc"]
    assert [chunk.text for chunk in cut("a" * 10, 4)] == ["aa", "aaa", "aa", "aaa"]


@pytest.mark.timeout(10)
def test_megabytes_take_seconds_at_most():
    for text in (" " * 10**6 + "x", "x" * 10**6, "x " * 500_000, "." * 10**6, "\n" * 10**6 + "x"):
        assert cut(text, 1000)
