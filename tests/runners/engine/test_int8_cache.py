"""A cache rounded to int8: a quarter of the bytes, nearly the same logits, and the same tokens
under every way of cutting, sharing and crowding."""

import random
from dataclasses import replace

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from models.architectures.cache_precision import rounded_shape
from models.architectures.causal_lm import CacheShape
from models.architectures.loading import load_causal_lm
from models.errors import CacheFormatError
from models.kernels import library
from runners.engine.config import CacheConfig, SchedulerConfig
from runners.engine.engine import Engine
from runners.engine.kv_cache import KVCache
from runners.engine.model_runner import ModelRunner

CPU = torch.device("cpu")
FP32 = CacheShape(num_layers=3, num_kv_heads=2, head_dim=64, dtype=torch.float32)


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=128,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
    )
    model = LlamaForCausalLM(config)
    folder = tmp_path_factory.mktemp("llama")
    model.save_pretrained(folder)
    return load_causal_lm(folder, quantization=None)


def engine_of(decoder, chunk, num_blocks):
    bytes_per_token = rounded_shape(decoder.cache_shape, "int8", CPU).bytes_per_token
    return Engine(
        decoder,
        scheduler=SchedulerConfig(8, max(8, chunk), chunk),
        cache=CacheConfig(4, memory_bytes=num_blocks * 4 * bytes_per_token, precision="int8"),
    )


def test_every_way_of_cutting_gives_the_same_tokens(decoder, run, request_of):
    rng = random.Random(0)
    prompts = [[rng.randrange(3, 128) for _ in range(rng.randint(1, 40))] for _ in range(8)]
    results = []
    for chunk, num_blocks in ((256, 200), (7, 200), (1, 200), (256, 22)):
        engine = engine_of(decoder, chunk, num_blocks)
        requests = [request_of(f"r{i}", p, max_tokens=12) for i, p in enumerate(prompts)]
        results.append(run(engine, *requests))
    assert engine.stats().total_preemptions > 0
    assert all(result == results[0] for result in results)


def test_logits_are_nearly_those_of_fp32(decoder):
    ids = torch.randint(3, 128, (90,), generator=torch.Generator().manual_seed(0)).tolist()
    logits = []
    for shape in (decoder.cache_shape, rounded_shape(decoder.cache_shape, "int8", CPU)):
        runner = ModelRunner(decoder, KVCache(shape, 30, 4, CPU))
        batch = runner.forward_batch([(list(range(30)), 0, ids)], list(range(90)))
        logits.append(decoder.logits(decoder.forward(batch, runner.kv_cache.layers)))
    exact, rounded = logits
    assert 0 < (rounded - exact).norm() < 0.02 * exact.norm()


def test_a_token_takes_a_quarter_and_its_scales():
    assert rounded_shape(FP32, "int8", CPU).bytes_per_token * 64 == FP32.bytes_per_token // 4 * 68


@pytest.mark.parametrize(
    ("shape", "device", "message"),
    [
        (FP32, torch.device("meta"), "runs on meta"),
        (CacheShape(3, 2, 64, torch.bfloat16), CPU, "bfloat16"),
        (CacheShape(3, 2, 24, torch.float32), CPU, "multiple of 16 dimensions; those of"),
    ],
)
def test_what_no_kernel_can_read_is_refused(shape, device, message):
    with pytest.raises(CacheFormatError, match=message):
        rounded_shape(shape, "int8", device)


def test_it_is_refused_without_kernels(monkeypatch):
    monkeypatch.setattr(library, "is_loaded", lambda: False)
    with pytest.raises(CacheFormatError, match=r"models\.kernels\.build"):
        rounded_shape(FP32, "int8", CPU)


def test_a_gpu_needs_no_fp32(triton_device):
    shape = CacheShape(3, 2, 20, torch.bfloat16)
    assert rounded_shape(shape, "int8", triton_device).stored_dim == 24
    with pytest.raises(CacheFormatError, match="multiple of 4 dimensions"):
        rounded_shape(replace(shape, head_dim=18), "int8", triton_device)


def test_float8_needs_a_gpu():
    with pytest.raises(CacheFormatError, match="kv_cache=float8 needs a GPU and Triton"):
        rounded_shape(FP32, "float8", CPU)
