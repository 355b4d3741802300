"""The engine on a real card against the engine on the CPU. Needs neither BentoML nor what comes
with it; on a machine that has only torch, transformers, Triton and pytest:

    PYTHONPATH=. python -m pytest -c /dev/null --rootdir . --import-mode importlib \
        tests/gpu tests/models/kernels/triton tests/models/layers
"""

import random

import pytest
import torch

from models.architectures.cache_precision import rounded_shape
from models.architectures.loading import load_causal_lm
from runners.engine.config import CacheConfig, SchedulerConfig
from runners.engine.decode_graphs import recorded_bytes
from runners.engine.engine import Engine
from runners.engine.kv_cache import KVCache
from runners.engine.model_runner import ModelRunner
from runners.engine.request import GenerationRequest
from runners.engine.sampling_params import SamplingParams

DEVICE = torch.device("cuda")
VOCAB = 128
BLOCK_SIZE = 4

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]


@pytest.fixture(scope="module")
def folder(spread_llama, tmp_path_factory):
    folder = tmp_path_factory.mktemp("llama")
    spread_llama(VOCAB, 64, 3, 4).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def on_gpu(folder):
    return load_causal_lm(folder, quantization=None, dtype=torch.float32, device=DEVICE)


@pytest.fixture(scope="module")
def prompts():
    rng = random.Random(0)
    shared = [rng.randrange(VOCAB) for _ in range(20)]
    return [
        shared[: rng.choice([0, 9, 20])] + [rng.randrange(VOCAB) for _ in range(rng.randint(1, 40))]
        for _ in range(12)
    ]


def answers(model, prompts, *, records=False, num_blocks=400, chunk=64, temperature=0.0):
    """The tokens of every prompt, 8 sequences at once, and the engine's figures."""
    memory_bytes = num_blocks * BLOCK_SIZE * model.cache_shape.bytes_per_token
    memory_bytes += recorded_bytes(model, max_num_seqs=8, block_size=BLOCK_SIZE)
    engine = Engine(
        model,
        scheduler=SchedulerConfig(max_num_seqs=8, max_batch_tokens=chunk),
        cache=CacheConfig(BLOCK_SIZE, memory_bytes=memory_bytes),
    )
    if records:
        engine.tune()
    for i, prompt in enumerate(prompts):
        params = SamplingParams(temperature=temperature, max_tokens=16, seed=i)
        engine.add_request(GenerationRequest(str(i), tuple(prompt), params))
    tokens = {str(i): [] for i in range(len(prompts))}
    while engine.has_work:
        for output in engine.step():
            assert output.error is None
            tokens[output.request_id] += output.token_ids
        engine.check_integrity()
    return tokens, engine.stats()


@pytest.fixture(scope="module")
def expected(folder, prompts):
    return answers(load_causal_lm(folder, quantization=None), prompts)[0]


@pytest.mark.parametrize("records", [False, True])
@pytest.mark.parametrize("chunk", [8, 64])
def test_tokens_are_the_cpus(on_gpu, prompts, expected, records, chunk):
    tokens, stats = answers(on_gpu, prompts, records=records, chunk=chunk)
    assert tokens == expected
    assert stats.total_cached_tokens > 0


@pytest.mark.parametrize("records", [False, True])
def test_preempted_they_are_the_same(on_gpu, prompts, expected, records):
    tokens, stats = answers(on_gpu, prompts, records=records, num_blocks=40)
    assert stats.total_preemptions > 0
    assert tokens == expected


def test_sampled_they_are_the_same_recorded(on_gpu, prompts):
    computed, _ = answers(on_gpu, prompts, temperature=1.0)
    assert answers(on_gpu, prompts, temperature=1.0, records=True)[0] == computed


def logits(model, ids, precision="auto"):
    """[len(ids), vocab_size] fp32, of a prompt in two chunks and a token."""
    shape = rounded_shape(model.cache_shape, precision, model.device)
    runner = ModelRunner(model, KVCache(shape, 40, BLOCK_SIZE, model.device))
    table, parts, start = list(range(40)), [], 0
    for stop in (50, len(ids) - 1, len(ids)):
        batch = runner.forward_batch([(table, start, ids[start:stop])], list(range(stop - start)))
        hidden = model.forward(batch, runner.kv_cache.layers)
        parts.append(model.logits(hidden).cpu())
        start = stop
    return torch.cat(parts)


@pytest.mark.parametrize(
    ("quantization", "dtype", "precision", "tolerance"),
    [
        (None, torch.float32, "auto", 1e-4),
        (None, torch.bfloat16, "auto", 0.05),
        (None, torch.float32, "int8", 0.05),
        (None, torch.float32, "float8", 0.2),
        ("int8", torch.float32, "auto", 1e-4),
        ("int4", torch.float32, "auto", 1e-4),
        ("int4", torch.bfloat16, "auto", 0.05),
        ("float8", torch.bfloat16, "auto", 0.05),
    ],
)
def test_logits_are_nearly_the_cpus(folder, quantization, dtype, precision, tolerance):
    ids = torch.randint(VOCAB, (120,), generator=torch.Generator().manual_seed(0)).tolist()
    exact = logits(load_causal_lm(folder, quantization=quantization), ids)
    model = load_causal_lm(folder, quantization=quantization, dtype=dtype, device=DEVICE)
    got = logits(model, ids, precision)
    assert (got - exact).norm() <= tolerance * exact.norm()


def test_float8_times_float8_is_nearly_exact(folder):
    ids = torch.randint(VOCAB, (120,), generator=torch.Generator().manual_seed(0)).tolist()
    exact = logits(load_causal_lm(folder, quantization="float8"), ids)
    model = load_causal_lm(
        folder, quantization="float8", activations="float8", dtype=torch.bfloat16, device=DEVICE
    )
    assert (logits(model, ids) - exact).norm() <= 0.3 * exact.norm()
