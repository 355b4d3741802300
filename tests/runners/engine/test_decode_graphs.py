"""Recorded decode steps give the tokens of steps that are not, whoever comes and goes.

Without a GPU a recording is the same computation, done anew over the same buffers: what is held up
to the light here is which rows, blocks and sizes a step is given, and that nothing leaks between
them. tests/runners/engine/test_on_gpu.py records for real.
"""

import random
from dataclasses import replace

import pytest
import torch

from models.architectures.loading import load_causal_lm
from runners.engine.decode_graphs import DecodeGraphs, ladder, recorded_bytes
from runners.engine.kv_cache import KVCache

MAX_TOKENS = 12


class Recorder:
    """Replays into the place of the first result, and counts."""

    def __init__(self):
        self.replays = 0

    def __call__(self, compute):
        result = torch.empty_like(compute())

        def replay():
            self.replays += 1
            result.copy_(compute())

        return replay, result


@pytest.fixture
def device_lm(hash_lm):
    """As attention on a device must: it takes lengths from positions, not from the host."""

    class DeviceLM(hash_lm):
        def forward(self, batch, caches):
            lasts = [start - 1 for start in batch.query_starts[1:]]
            lengths = (batch.positions[lasts] + 1).tolist()
            return super().forward(replace(batch, context_lens=tuple(lengths)), caches)

    return DeviceLM


def prompts(count, vocab, longest):
    rng = random.Random(0)
    shared = [rng.randrange(vocab) for _ in range(24)]
    return [
        shared[: rng.randrange(25)] + [rng.randrange(vocab) for _ in range(rng.randint(1, longest))]
        for _ in range(count)
    ]


def record(engine, recorder):
    engine._model_runner.record_decoding(
        max_num_seqs=engine.limits.max_num_seqs,
        max_model_len=engine.limits.max_model_len,
        record=recorder,
    )


@pytest.mark.parametrize("num_blocks", [34, 200])
@pytest.mark.parametrize("max_num_seqs", [1, 7, 20])
def test_recorded_equals_computed(
    make_engine, run, request_of, device_lm, num_blocks, max_num_seqs
):
    requests = [
        request_of(f"r{i}", prompt, max_tokens=8 + 7 * (i % 5), temperature=i % 2, seed=i)
        for i, prompt in enumerate(prompts(16, 97, 60))
    ]
    limits = {"num_blocks": num_blocks, "max_num_seqs": max_num_seqs}
    computed = run(make_engine(device_lm(), **limits), *requests)
    recorder = Recorder()
    engine = make_engine(device_lm(), **limits)
    record(engine, recorder)
    assert run(engine, *requests) == computed
    assert recorder.replays > 30
    stats = engine.stats()
    assert recorder.replays < stats.total_steps, "prompts are computed as they come"
    assert stats.total_cached_tokens > 0
    assert (stats.total_preemptions > 0) == (num_blocks == 34 and max_num_seqs > 1)


def test_rows_that_are_left_over_touch_nobodys_block(device_lm):
    model = device_lm()
    cache = KVCache(model.cache_shape, 6, 4, model.device)
    for half in cache.layers[0]:
        half.fill_(5)
    graphs = DecodeGraphs(model, cache, max_num_seqs=8, max_model_len=24, record=Recorder())
    for layer in cache.layers:
        for half in layer:
            half[:6] = 5
    graphs.run([9, 8, 7], [0, 0, 0], [[4], [2], [0]])
    keys = cache.layers[0][0].flatten()[: 6 * 4]
    assert {i: keys[i].item() for i in range(24) if keys[i] != 5} == {16: 9, 8: 8, 0: 7}


@pytest.fixture(scope="module")
def folder(spread_llama, tmp_path_factory):
    folder = tmp_path_factory.mktemp("llama")
    spread_llama(64, 32, 2, 4).save_pretrained(folder)
    return folder


def test_a_decoder_on_tritons_kernels(request, make_engine, run, request_of, folder):
    """The whole network, attending by what lies on the device; its tokens are the CPU's."""
    requests = [
        request_of(f"r{i}", prompt, max_tokens=3 + i) for i, prompt in enumerate(prompts(2, 64, 5))
    ]
    expected = run(make_engine(load_causal_lm(folder, quantization=None)), *requests)
    device = request.getfixturevalue("triton_device")
    decoder = load_causal_lm(folder, quantization=None, dtype=torch.float32, device=device)
    engine = make_engine(decoder, max_num_seqs=2)
    recorder = Recorder()
    record(engine, recorder)
    assert run(engine, *requests) == expected
    assert recorder.replays == 3


def test_the_ladder_ends_where_sequences_do():
    assert ladder(1) == (1,)
    assert ladder(6) == (1, 2, 4, 6)
    assert ladder(64) == (1, 2, 4, 8, 16, 24, 32, 40, 48, 56, 64)
    assert ladder(100) == (1, 2, 4, 8, 16, 24, 32, 40, 48, 56, 64, 96, 100)


def test_only_what_is_recorded_takes_memory(folder, request):
    sizes = {"max_num_seqs": 4, "block_size": 4}
    decoder = load_causal_lm(folder, quantization=None)
    assert recorded_bytes(decoder, **sizes) == 0
    request.getfixturevalue("triton_device")
    tables, logits = (1 + 2 + 4) * 128 // 4 * 4, 4 * 64 * 8
    assert recorded_bytes(decoder, **sizes) == tables + logits
