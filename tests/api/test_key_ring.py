"""Keys from the environment and from a file, kept as digests and read again when they change."""

import logging
import os

import pytest
from bentoml.exceptions import InvalidArgument

from api import key_ring
from api.key_ring import ApiKeyError, KeyRing
from api.settings import Settings, load_settings


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Looked at anew at each question."""
    monkeypatch.setattr(key_ring, "LOOK_S", -1.0)
    return tmp_path / "keys"


def test_without_keys_it_is_open():
    assert KeyRing().is_open
    assert not KeyRing("secret").is_open


def test_keys_have_the_names_they_were_given_or_those_of_their_places(file):
    file.write_text("# who\nalice:a1\n\n  b2  \nalice:a3\n")
    keys = KeyRing("c4, dora:d5,", file)
    names = {key: keys.name_of(key) for key in (b"a1", b"b2", b"a3", b"c4", b"d5")}
    assert names == {
        b"a1": "alice",
        b"b2": "line-4",
        b"a3": "alice",
        b"c4": "env-1",
        b"d5": "dora",
    }
    for other in (b"", b"alice", b"alice:a1", b"a1 ", b"A1", b"# who", b"\xff", b"x" * 100_000):
        assert keys.name_of(other) is None


def test_keys_come_and_go_with_the_file(file, caplog):
    file.write_text("old\n")
    keys = KeyRing(None, file)
    file.write_text("newer\n")
    assert keys.name_of(b"old") is None
    assert keys.name_of(b"newer") == "line-1"
    other = file.with_name("other")
    other.write_text("third\n")  # as Kubernetes does it: the name leads to another file
    os.replace(other, file)
    assert keys.name_of(b"third") == "line-1"
    file.write_text("")
    assert keys.name_of(b"third") is None
    assert not keys.is_open


def test_a_file_that_cannot_be_read_withdraws_nothing(file, caplog):
    file.write_text("kept\n")
    keys = KeyRing(None, file)
    with caplog.at_level(logging.ERROR):
        file.unlink()
        assert keys.name_of(b"kept") == "line-1"
        file.write_text("a secret with spaces\n")
        assert keys.name_of(b"kept") == "line-1"
        keys.name_of(b"kept")
    assert len(caplog.records) == 2  # each fault once
    assert "secret" not in caplog.text


@pytest.mark.parametrize("listed", ["", " , ", "two words", "a:", "bad name:key", "a:b:c", "ключ"])
def test_what_is_no_key_is_refused_without_being_shown(listed):
    with pytest.raises(ApiKeyError) as caught:
        KeyRing(listed)
    assert "KAMADO_API_KEYS" in str(caught.value)
    assert not listed.strip(" ,") or listed not in str(caught.value)


def test_settings_bring_keys_from_the_environment_and_the_file(file):
    file.write_text("alice:a1\n")
    environ = {"KAMADO_API_KEYS": "bob:b2", "KAMADO_API_KEYS_FILE": str(file)}
    settings = load_settings({}, environ)
    keys = settings.key_ring()
    assert (keys.name_of(b"a1"), keys.name_of(b"b2")) == ("alice", "bob")
    assert "b2" not in repr(settings)
    assert Settings().key_ring().is_open


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"KAMADO_API_KEYS_FILE": "/nowhere/keys"}, "/nowhere/keys"),
        ({"KAMADO_API_KEYS": ","}, "KAMADO_API_KEYS"),
    ],
)
def test_keys_that_are_missing_end_the_start(environ, named):
    with pytest.raises(InvalidArgument, match=named):
        load_settings({}, environ).key_ring()


def test_keys_are_no_argument():
    with pytest.raises(InvalidArgument, match="KAMADO_API_KEYS") as caught:
        load_settings({"api_keys": "s3cret"}, {})
    assert "s3cret" not in str(caught.value)
