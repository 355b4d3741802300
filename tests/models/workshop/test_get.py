"""`get` from a folder and from the Hub's cache as huggingface_hub lays it out."""

import hashlib
import json
import shutil

import huggingface_hub
import pytest
from huggingface_hub import constants

from models.architectures.checkpoint import Checkpoint
from models.architectures.stored_tensor import tensor_digest
from models.store import resolve_model
from models.workshop import getting
from models.workshop.card import read_card
from models.workshop.verification import verified_checkpoint

REVISION = "c0ffee" + "0" * 34


@pytest.fixture(autouse=True)
def hub(monkeypatch, tmp_path):
    """The cache; the network is not there."""
    cache = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    return cache


@pytest.fixture
def cached(hub, tiny):
    """org/rice, as the Hub's client would have left it."""
    root = hub / "models--org--rice"
    snapshot = root / "snapshots" / REVISION
    snapshot.mkdir(parents=True)
    (root / "blobs").mkdir()
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(REVISION)
    for path in tiny.iterdir():
        content = path.read_bytes()
        is_large = path.suffix == ".safetensors"
        git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        blob = root / "blobs" / (hashlib.sha256(content).hexdigest() if is_large else git)
        blob.write_bytes(content)
        (snapshot / path.name).symlink_to(blob)
    return root


def test_from_the_cache_without_a_network(cached, run, store):
    code, output, errors = run("get", "org/rice", "--json")
    assert code == 0, errors
    result = json.loads(output)
    assert result["model"] == f"rice:{REVISION[:12]}"
    assert result["origin"] == {"name": "org/rice", "revision": REVISION}
    folder = resolve_model(result["model"]).folder
    card = read_card(folder)
    verified_checkpoint(folder, card).check_finite()
    checkpoint = Checkpoint(folder)
    assert card.tensors == {name: tensor_digest(checkpoint.read(name)) for name in checkpoint}
    assert not any(path.is_symlink() for path in folder.iterdir())


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_damaged_file_in_the_cache_is_named(name, cached, run, store):
    blob = (cached / "snapshots" / REVISION / name).resolve()
    content = bytearray(blob.read_bytes())
    content[len(content) // 2] ^= 1
    blob.write_bytes(content)
    code, _, errors = run("get", "org/rice")
    assert code == 1
    assert f"{name} is not the file that the Hub has" in errors


def test_what_is_not_cached_says_so(run, store):
    code, _, errors = run("get", "org/bread")
    assert code == 1
    assert "the cache has no complete org/bread" in errors


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["config.json", "pytorch_model.bin"], r"weights only as pickle (pytorch_model.bin)"),
        (["config.json", "onnx/model.safetensors"], "has no safetensors at its top"),
    ],
)
def test_a_listing_is_refused_before_anything_is_fetched(files, message, run, store, monkeypatch):
    class Api:
        def list_repo_files(self, repository, revision):
            return files

    def snapshot_download(*_, **__):
        raise AssertionError("it was fetched all the same")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(getting, "HfApi", Api)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    code, _, errors = run("get", "org/bread")
    assert code == 1
    assert message in errors


def test_a_folder_keeps_its_card(run, store, tiny):
    assert run("get", tiny, "--tag", "rice:1")[0] == 0
    again, output, errors = run("get", "rice:1", "--tag", "rice:2", "--json")
    assert again == 0, errors
    assert json.loads(output)["name"] == "rice:1"


def test_custom_code_is_refused_by_name(run, store, tiny, tmp_path):
    folder = tmp_path / "foreign"
    shutil.copytree(tiny, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoModelForCausalLM": "modeling.Mine"}}
    (folder / "config.json").write_text(json.dumps(config))
    code, _, errors = run("get", folder)
    assert code == 1
    assert "mine brings its own code, which is never run here" in errors


def test_pickle_is_refused_by_name(run, store, tiny, tmp_path):
    folder = tmp_path / "pickled"
    folder.mkdir()
    shutil.copy(tiny / "config.json", folder)
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    code, _, errors = run("get", folder)
    assert code == 1
    assert "only as pickle (pytorch_model.bin)" in errors


def test_another_tools_weights_are_kept_for_quantize(run, store, tiny, tmp_path):
    folder = tmp_path / "theirs"
    shutil.copytree(tiny, folder)
    config = json.loads((folder / "config.json").read_text())
    gptq = {"quant_method": "gptq", "bits": 4, "group_size": 32}
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": gptq}))
    code, _, errors = run("get", folder, "--tag", "rice:gptq")
    assert code == 0, errors
    config["quantization_config"] = {"quant_method": "exl2"}
    (folder / "config.json").write_text(json.dumps(config))
    code, _, errors = run("get", folder, "--tag", "rice:exl2")
    assert code == 1
    assert "quantised by exl2" in errors
