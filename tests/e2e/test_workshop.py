"""A model of the workshop behind a real server: its card is shown, and a changed scale turns
readiness red."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from safetensors.torch import load_file, save_file

PROJECT = Path(__file__).parents[2]
TAG = "pocket-four:1"
RECIPE = """
weights = "qint4"
head = "qint8"
group_size = 32
[modules]
"*.down_proj" = "qint8"
[evaluate]
max_tokens = 256
[gates]
max_mean_kl = 0.1
min_top1 = 0.9
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A BentoML store with a model that the command has put there."""
    home = tmp_path_factory.mktemp("home")
    recipe = home / "four.toml"
    recipe.write_text(RECIPE)
    command = [sys.executable, "-m", "models", "quantize", "pocket"]
    own = {"BENTOML_HOME": str(home), "HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"}
    done = subprocess.run(
        [*command, "--recipe", str(recipe), "--tag", TAG],
        cwd=PROJECT,
        env=os.environ | own,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"bentoml serve --arg model={TAG}" in done.stdout
    return home


@pytest.fixture
def folder(home):
    return home.joinpath("models", *TAG.split(":"))


def test_it_answers_under_its_tag_and_shows_its_card(start, home, folder):
    server = start(home=home, model=TAG, kv_memory_gb=0.1)
    server.wait("/readyz", 200)
    (model,) = httpx.get(f"{server.url}/v1/models").json()["data"]
    kept = json.loads((folder / "card.json").read_bytes())
    assert model["id"] == TAG
    assert model["card"]["origin"] == "pocket"
    assert model["card"]["recipe"] == "four"
    assert model["card"]["schemes"] == {"qint4": 36, "qint8": 7}
    assert model["card"]["mean_kl"] == kept["figures"]["closeness"]["mean_kl"]
    body = {"model": TAG, "messages": [{"role": "user", "content": "What is 17 + 26?"}]}
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
