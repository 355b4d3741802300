import json
from pathlib import Path

import bentoml
import huggingface_hub
import pytest
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml._internal.models.model import ModelStore
from huggingface_hub import constants

from models.errors import ModelNotFoundError
from models.store import BUNDLED_MODELS, HUB_FILES, ModelOrigin, resolve_model

# bentoml's own import warns of a pattern class that its dependency renamed.
pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")


def model_folder(path):
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    return path


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    """No test here reaches the network: the Hub answers as if the machine had none."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def bentoml_store(tmp_path):
    BentoMLContainer.model_store.set(ModelStore(tmp_path))
    yield tmp_path
    BentoMLContainer.model_store.reset()


@pytest.fixture
def hub_raises(monkeypatch):
    def install(error):
        def snapshot_download(*_, **__):
            raise error

        monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)

    return install


def test_bundled_model_comes_before_a_folder_of_its_name(tmp_path, monkeypatch):
    bundled = model_folder(tmp_path / "bundled")
    monkeypatch.setitem(BUNDLED_MODELS, "pocket", bundled)
    model_folder(tmp_path / "pocket")
    monkeypatch.chdir(tmp_path)
    source = resolve_model("pocket")
    assert (source.name, source.folder, source.origin) == ("pocket", bundled, ModelOrigin.BUNDLED)


def test_bundled_model_that_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setitem(BUNDLED_MODELS, "pocket", tmp_path)
    with pytest.raises(ModelNotFoundError, match="not in this installation"):
        resolve_model("pocket")


def test_local_folder(tmp_path):
    folder = model_folder(tmp_path / "my-model")
    source = resolve_model(str(folder))
    assert (source.name, source.folder, source.origin) == ("my-model", folder, ModelOrigin.FOLDER)
    assert source.revision is None


def test_local_folder_comes_before_the_hub(tmp_path, monkeypatch):
    folder = model_folder(tmp_path / "org" / "name")
    monkeypatch.chdir(tmp_path)
    assert resolve_model("org/name").folder == folder


@pytest.mark.parametrize("name", ["rice:v2", "rice"])
def test_bentoml_tag(name, bentoml_store):
    with bentoml.models.create("rice:v2") as stored:
        (Path(stored.path) / "config.json").write_text("{}")
    source = resolve_model(name)
    assert (source.name, source.origin, source.revision) == ("rice:v2", ModelOrigin.BENTOML, "v2")
    assert source.folder.is_relative_to(bentoml_store)


def test_bentoml_model_that_is_no_language_model(bentoml_store):
    with bentoml.models.create("rice:v2"):
        pass
    with pytest.raises(ModelNotFoundError, match="rice:v2 has no config"):
        resolve_model("rice:v2")


def test_cached_repository_is_served_offline(tmp_path, monkeypatch):
    cached = model_folder(tmp_path / "hub" / "snapshots" / ("a" * 40))
    asked = dict[str, object]()

    def snapshot_download(repository, **options):
        asked.update(options, repository=repository)
        return str(cached)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    source = resolve_model("org/name@main")
    assert (source.name, source.origin, source.revision) == ("org/name", ModelOrigin.HUB, "a" * 40)
    assert (asked["repository"], asked["revision"]) == ("org/name", "main")
    assert asked["allow_patterns"] == HUB_FILES
    assert not any("bin" in pattern or "py" in pattern for pattern in HUB_FILES)


def test_offline_and_not_cached():
    with pytest.raises(ModelNotFoundError, match="not reachable, and the cache has no complete"):
        resolve_model("org/name")


@pytest.mark.parametrize(
    ("error_type", "message"),
    [
        (huggingface_hub.errors.GatedRepoError, "accept its terms at .*org/name and set HF_TOKEN"),
        (huggingface_hub.errors.RepositoryNotFoundError, "does not exist"),
        (huggingface_hub.errors.RevisionNotFoundError, "no revision 'v9'"),
        (ConnectionResetError, "ConnectionResetError"),
    ],
)
def test_hub_errors_say_what_to_do(error_type, message, hub_raises):
    hub_raises(error_type.__new__(error_type))
    with pytest.raises(ModelNotFoundError, match=message):
        resolve_model("org/name@v9")


def test_error_lists_everything_that_was_tried():
    with pytest.raises(ModelNotFoundError) as caught:
        resolve_model("no-such-model")
    message = str(caught.value)
    for tried in ("bundled models", "local folder", "BentoML store", "Hugging Face Hub"):
        assert tried in message


def test_folder_without_config_is_no_model(tmp_path):
    with pytest.raises(ModelNotFoundError, match="has no config"):
        resolve_model(str(tmp_path))


@pytest.mark.parametrize(
    "name",
    ["", "..", "../pocket", "org/../name", "org/name@../main", "file:///etc", "a\nb", "a\x00b"],
)
def test_names_that_climb_or_smuggle_are_refused(name):
    with pytest.raises(ModelNotFoundError, match="is no model name"):
        resolve_model(name)
