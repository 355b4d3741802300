"""Converting once, and what becomes of failures; environments themselves need the network."""

import pytest

from benchmarks import cache
from benchmarks.peers.environment import Environment, converted, last_words, run_logged
from benchmarks.peers.peer import PeerUnavailable


@pytest.fixture(autouse=True)
def cache_of_this_test(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "CACHE", tmp_path / "cache")


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "weights").write_text("1")
    return folder


def test_a_model_is_converted_once_until_it_changes(model):
    made = []

    def make(path):
        made.append(path)
        path.write_text("converted")

    first = converted(model, "tiny.bin", make)
    assert converted(model, "tiny.bin", make) == first
    assert first.read_text() == "converted"
    assert len(made) == 1
    (model / "weights").write_text("22")
    assert converted(model, "tiny.bin", make) != first
    assert len(made) == 2


def test_a_conversion_that_fails_leaves_nothing(model):
    def fail(folder):
        folder.mkdir()
        (folder / "half").write_text("")
        raise PeerUnavailable("no memory")

    for _ in range(2):
        with pytest.raises(PeerUnavailable, match="no memory"):
            converted(model, "tiny", fail)
    [folder] = cache.cache_folder("converted").iterdir()
    assert list(folder.iterdir()) == []


def test_a_command_that_fails_says_its_last_words():
    with pytest.raises(PeerUnavailable, match=r"`sh -c .* ended with status 3: no compiler"):
        run_logged(["sh", "-c", "echo no compiler; exit 3"], "sh")
    with pytest.raises(PeerUnavailable, match="nowhere is not installed"):
        run_logged(["/nowhere"], "nowhere")


def test_an_environment_that_cannot_be_made_is_tried_again():
    environment = Environment("broken", ("./no-such-package",))
    for _ in range(2):
        with pytest.raises(PeerUnavailable, match="pip install"):
            environment.install()


def test_last_words_name_no_folder_of_this_machine(tmp_path, monkeypatch):
    log = tmp_path / "log"
    monkeypatch.setattr("pathlib.Path.home", lambda: tmp_path)
    log.write_text(f"begun\ncannot open {tmp_path}/model\n\n")
    assert last_words(log) == "cannot open ~/model"
