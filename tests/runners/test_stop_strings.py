from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from runners.stop_strings import StopStrings

LETTERS = st.text("abc", max_size=40)
STOPS = st.lists(st.text("abc", min_size=1, max_size=5), max_size=4)


def expected(text, stops):
    """The stop string that ends first, of those the longest, by looking everywhere."""
    for end in range(1, len(text) + 1):
        ending = [stop for stop in stops if text[:end].endswith(stop)]
        if ending:
            longest = max(ending, key=len)
            return text[: end - len(longest)], longest
    return text, None


def run(pieces, stops):
    matcher = StopStrings(stops)
    sent = [matcher.add(piece) for piece in pieces]
    return [*sent, matcher.finish()], matcher.found


@given(text=LETTERS, stops=STOPS, data=st.data())
def test_cut_where_the_first_stop_string_begins_however_the_text_arrives(text, stops, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    edges = [0, *cuts, len(text)]
    pieces = [text[a:b] for a, b in pairwise(edges)]
    sent, found = run(pieces, stops)
    assert ("".join(sent), found) == expected(text, stops)


@given(text=LETTERS, stops=STOPS)
def test_nothing_is_held_back_that_cannot_become_a_stop_string(text, stops):
    matcher = StopStrings(stops)
    seen = sent = ""
    for char in text:
        seen += char
        sent += matcher.add(char)
        if matcher.found:
            break
        held = seen[len(sent) :]
        assert seen.startswith(sent)
        assert not held or any(stop.startswith(held) and stop != held for stop in stops)


def test_no_stop_strings_hold_nothing_back():
    assert run(["a", "b"], []) == (["a", "b", ""], None)
