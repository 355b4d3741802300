"""Random Llama, Qwen2, Qwen3 and Mistral models of more than 50 million parameters through the
same commands, with the memory of quantising measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
)

from models.architectures.checkpoint import Checkpoint
from models.architectures.loading import load_causal_lm
from models.workshop.paged_text import PagedText

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

PROJECT = Path(__file__).parents[3]
SHAPE = {
    "vocab_size": 16384,
    "hidden_size": 512,
    "intermediate_size": 1536,
    "num_hidden_layers": 14,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 64,
    "max_position_embeddings": 256,
}
CONFIGS = {
    "llama": LlamaConfig(**SHAPE),
    "qwen2": Qwen2Config(**{k: v for k, v in SHAPE.items() if k != "head_dim"}),
    "qwen3": Qwen3Config(**SHAPE, tie_word_embeddings=True),
    "mistral": MistralConfig(**SHAPE, sliding_window=64),
}
QUANTIZE = """
import resource, sys
from pathlib import Path
import models.workshop.quantize as module
from models.workshop.recipe import Recipe
# All that importing costs, and the first use of torch, comes before.
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
module.quantize(Path(sys.argv[1]), Recipe(weights=sys.argv[3], head=sys.argv[3]),
                Path(sys.argv[2]), max_shard_bytes=20_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.fixture(scope="module", params=sorted(CONFIGS))
def folder(request, tmp_path_factory):
    """bf16, in files of 30 MB."""
    config = CONFIGS[request.param]
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).bfloat16()
    assert model.num_parameters() > 50e6
    target = tmp_path_factory.mktemp("family") / request.param
    model.save_pretrained(target, max_shard_size="30MB")
    return target


def test_memory_is_that_of_the_largest_tensor(folder, tmp_path):
    scheme = {"llama": "qint8", "mistral": "qint4", "qwen2": "qint4", "qwen3": "qint8"}[folder.name]
    target = tmp_path / "made"
    target.mkdir()
    command = [sys.executable, "-c", QUANTIZE, str(folder), str(target), scheme]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    peak = int(done.stdout) * 1024
    checkpoint = Checkpoint(folder)
    largest = max(torch.Size(checkpoint.shape(name)).numel() for name in checkpoint)
    # The tensor, mapped and in bf16; what it becomes; blocks of it in fp32; and modules of
    # transformers that config.json asks for.
    assert peak < 2 * largest + 2 * largest + 64 * 2**20
    assert peak < checkpoint.num_bytes, f"{peak / 1e6:.0f} MB"
    model = load_causal_lm(target, quantization=None)
    logits = model.logits(PagedText(model, [32]).extend([list(range(32))]))
    assert torch.isfinite(logits).all()


def test_the_same_commands(folder, run, store, recipe_file):
    recipe = recipe_file(
        'weights = "qint8"\nhead = "qint8"\n[evaluate]\nmax_tokens = 64\n[gates]\nmin_top1 = 0.5'
    )
    code, output, errors = run("quantize", folder, "--recipe", recipe, "--tag", "big:1", "--json")
    assert code == 0, errors
    card = json.loads(output)
    assert 0 < card["quantizing_bytes"] < Checkpoint(folder).num_bytes
    assert card["figures"]["text"].startswith("random token ids")
    assert card["figures"]["closeness"]["mean_kl"] < 0.05
    assert card["figures"]["weights_bytes"] < 0.8 * card["figures"]["original_weights_bytes"]
    code, output, errors = run("plan", "big:1", "--check", "--json", "--context", 128)
    assert code == 0, errors
    planned = json.loads(output)
    assert abs(planned["deviations"]["weights"]) < 0.15
