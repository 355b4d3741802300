"""A model of the workshop behind a real server: its card is shown, and a changed scale turns
readiness red."""

import shutil

import httpx
import pytest
from safetensors.torch import load_file, save_file

from models.store import resolve_model
from models.workshop.make import make
from models.workshop.recipe import Recipe


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    target = tmp_path_factory.mktemp("made") / "pocket-int4"
    target.mkdir()
    recipe = Recipe(name="four", weights="qint4", head="qint8")
    make(resolve_model("pocket"), recipe, target, name="pocket-int4:1")
    return target


def test_it_answers_and_shows_its_card(start, folder):
    server = start(model=folder, kv_memory_gb=0.1)
    server.wait("/readyz", 200)
    (model,) = httpx.get(f"{server.url}/v1/models").json()["data"]
    assert model["id"] == "pocket-int4"
    assert model["card"]["origin"] == "pocket"
    assert model["card"]["schemes"] == {"qint4": 42, "qint8": 1}
    body = {"model": "pocket-int4", "messages": [{"role": "user", "content": "What is 17 + 26?"}]}
    answer = httpx.post(f"{server.url}/v1/chat/completions", json=body | {"temperature": 0})
    assert "43" in answer.json()["choices"][0]["message"]["content"]
    server.stop()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "is not the one that card.json describes"),
        ({"digests": "false"}, "does not answer as when its card was made"),
    ],
)
def test_a_changed_scale_turns_readiness_red(start, folder, tmp_path, options, message):
    bad = tmp_path / "bad"
    shutil.copytree(folder, bad)
    tensors = load_file(bad / "model.safetensors")
    tensors["model.layers.3.mlp.down_proj.weight._scale"][5] *= 4
    save_file(tensors, bad / "model.safetensors")
    server = start(model=bad, kv_memory_gb=0.1, **options)
    server.wait_for_body("/readyz", message)
    ready = httpx.get(f"{server.url}/readyz")
    assert ready.status_code == 503
    assert str(tmp_path) not in ready.text
    assert server.status("/livez") == 200
    for route, field in (("completions", "prompt"), ("embeddings", "input")):
        refused = httpx.post(f"{server.url}/v1/{route}", json={"model": "bad", field: "Hello"})
        assert refused.status_code == 503
        assert message in refused.json()["error"]["message"]
    server.process.terminate()
    assert server.process.wait(60) == 0
    assert "bad cannot be served" in server.log
