"""What makes two requests one session, and what does not."""

import json

import pytest
from starlette.datastructures import Headers

from runners.ray.affinity import session_of

pytestmark = pytest.mark.ray


@pytest.fixture
def session():
    def session(headers=None, **body):
        return session_of(Headers(headers or {}), json.dumps(body).encode())

    return session


def turn(role, content):
    return {"role": role, "content": content}


def test_a_conversation_is_one_session_at_every_turn(session):
    begun = [turn("system", "Be brief."), turn("user", "Who are you?")]
    longer = [*begun, turn("assistant", "A model."), turn("user", "Whose?")]
    assert session(messages=begun) == session(messages=longer, temperature=1) != ""
    assert session(messages=begun) != session(messages=[turn("user", "Who are you?")])
    assert session(messages=begun[1:], system="a") != session(messages=begun[1:], system="b")


def test_texts_with_a_long_beginning_in_common_are_one(session):
    assert session(prompt="a" * 2000 + "b") == session(prompt="a" * 2000 + "c") != ""
    assert session(prompt="ab") != session(prompt="ac")
    assert session(prompt=[1] * 300 + [2]) == session(prompt=[1] * 300 + [3]) != ""


def test_the_callers_own_names_come_first(session):
    chat = {"messages": [turn("user", "a")]}
    assert session({"x-session-id": "s"}, **chat) == session({"x-session-id": "s"}, prompt="b")
    keyed = session(prompt_cache_key="k", prompt="a")
    assert keyed == session(prompt_cache_key="k", prompt="b") != session(prompt="a")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b'{"prompt": 1}', b'{"input": "a"}'])
def test_the_rest_has_nothing_in_common(body):
    assert session_of(Headers({}), body) == ""


def test_no_text_of_a_prompt_leaves(session):
    assert "secret" not in session(prompt="secret") + session({"x-session-id": "secret"})
