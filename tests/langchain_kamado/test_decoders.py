"""Bytes to JSON objects, however the network divides them."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_kamado import (
    BadRequestError,
    ContextLengthError,
    InterruptedAnswerError,
    RateLimitError,
    RequestCancelledError,
    ServerError,
)
from langchain_kamado.decoders import EventStream, JsonLines, WholeBody
from langchain_kamado.errors import error_from

ITEMS = st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=8), max_size=2), max_size=5)
CUTS = st.lists(st.integers(0, 400), max_size=8)


def fed(decoder, data, cuts):
    """All objects of `data`, which arrives in pieces."""
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    items = []
    for start, end in itertools.pairwise(places):
        items += decoder.feed(data[start:end])
    return items + list(decoder.finish())


def written(items, form, end="\n"):
    return "".join(form % json.dumps(item, ensure_ascii=False) + end for item in items).encode()


@given(ITEMS, CUTS, st.sampled_from(["\n\n", "\r\n\r\n", "\n\n: still here\n\n"]))
def test_events_are_the_same_in_any_pieces(items, cuts, end):
    items = [item for item in items if "error" not in item]
    data = written(items, "data: %s", end) + b"data: [DONE]\n\n"
    assert fed(EventStream(), data, cuts) == items


@given(ITEMS, CUTS)
def test_lines_are_the_same_in_any_pieces(items, cuts):
    assert fed(JsonLines(), written(items, "%s"), cuts) == items


@given(ITEMS.filter(bool), CUTS)
def test_a_body_is_the_same_in_any_pieces(items, cuts):
    assert fed(WholeBody(), json.dumps(items[0]).encode(), cuts) == [items[0]]


def test_characters_that_end_lines_elsewhere_do_not_here():
    item = {"text": "a\u2028b\x85c\x0bd\x1ce"}
    assert fed(EventStream(), written([item], "data: %s", "\n\n") + b"data: [DONE]\n", []) == [item]


@pytest.mark.parametrize(
    ("decoder", "data"),
    [
        (EventStream, b""),
        (EventStream, b'data: {"a": 1}\n\n'),
        (EventStream, b'data: {"a": 1}\n\ndata: [DONE]'),
        (EventStream, b'data: {"a"\n\n'),
        (JsonLines, b'{"a": 1}\n{"b"'),
        (JsonLines, b"[1]\n"),
        (WholeBody, b""),
        (WholeBody, b'{"a": 1'),
        (WholeBody, b"<html>"),
    ],
)
def test_half_of_an_answer_is_none(decoder, data):
    with pytest.raises(InterruptedAnswerError):
        fed(decoder(), data, [])


def test_an_error_in_mid_stream_ends_it():
    told = {"message": "no", "type": "server_error", "param": None, "code": "service_unavailable"}
    data = b'data: {"a": 1}\n\ndata: ' + json.dumps({"error": told}).encode() + b"\n\n"
    decoder = EventStream()
    events = iter(decoder.feed(data))
    assert next(events) == {"a": 1}
    with pytest.raises(ServerError, match="no"):
        next(events)


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (400, {"code": "context_length_exceeded"}, ContextLengthError),
        (413, {}, BadRequestError),
        (429, {"code": "queue_full"}, RateLimitError),
        (499, {"code": "request_cancelled"}, RequestCancelledError),
        (502, {}, ServerError),
        (None, {"type": "invalid_request_error"}, BadRequestError),
        (None, {"code": "deadline_exceeded"}, ServerError),
    ],
)
def test_every_answer_has_its_error(status, error, expected):
    made = error_from({"error": {"message": "m", **error}}, status=status)
    assert type(made) is expected
    assert str(made) == "m"
    assert error_from("not JSON", status=500).status == 500
