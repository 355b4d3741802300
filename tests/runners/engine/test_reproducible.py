"""On the CPU kernels an answer is the same to the last bit of its log-probabilities, whoever else
is served, however it is cut up, and in whichever process."""

import random
from dataclasses import astuple

import pytest
import torch

from models.architectures.loading import load_causal_lm
from models.kernels.library import is_loaded, multiplies_bytes
from models.pocket.chat import WEIGHTS
from runners.engine.config import CacheConfig, SchedulerConfig
from runners.engine.engine import Engine

BLOCK_SIZE = 16
NUM_REQUESTS = 32

pytestmark = pytest.mark.skipif(not is_loaded(), reason="only the compiled kernels promise it")

PRECISIONS = {
    "bf16": (None, "float32", "auto"),
    "int8": ("int8", "float32", "auto"),
    "int4": ("int4", "float32", "auto"),
    "int8 activations": ("int8", "int8", "auto"),
    "int4 weights, int8 activations": ("int4", "int8", "auto"),
    "int8 cache": ("int8", "float32", "int8"),
}


@pytest.fixture(params=PRECISIONS)
def make_engine(request):
    scheme, activations, precision = PRECISIONS[request.param]
    if activations == "int8" and not multiplies_bytes():
        pytest.skip("needs a processor that multiplies bytes")

    def make(num_blocks=1024, *, prefix_caching=True, **limits):
        model = load_causal_lm(
            WEIGHTS, quantization=scheme, activations=activations, device="cpu", max_model_len=None
        )
        stored_bytes = 80 * 6 * 4 if precision == "int8" else model.cache_shape.bytes_per_token
        return Engine(
            model,
            scheduler=SchedulerConfig(**({"max_num_seqs": NUM_REQUESTS} | limits)),
            cache=CacheConfig(
                BLOCK_SIZE, prefix_caching, num_blocks * BLOCK_SIZE * stored_bytes, precision
            ),
        )

    return make


@pytest.fixture
def requests(request_of):
    rng = random.Random(0)
    shared = [rng.randrange(300, 3000) for _ in range(64)]
    lengths = [rng.randint(1, 120) for _ in range(NUM_REQUESTS)]
    return [
        request_of(
            f"r{i}",
            shared[: rng.randrange(65)] + [rng.randrange(300, 3000) for _ in range(length)],
            temperature=0.8,
            seed=i,
            max_tokens=12,
            logprobs=3,
        )
        for i, length in enumerate(lengths)
    ]


def answers(engine, requests):
    """By request: its tokens and the exact numbers of their log-probabilities."""
    told = {}
    for request in requests:
        engine.add_request(request)
    while engine.has_work:
        for output in engine.step():
            told.setdefault(output.request_id, []).extend(map(astuple, output.logprobs))
    engine.check_integrity()
    return told


def test_not_one_bit_depends_on_the_company(make_engine, requests):
    roomy = make_engine(prefix_caching=False)
    alone = {}
    for request in requests:
        alone |= answers(roomy, [request])
    assert all(len(logprobs) == 12 for logprobs in alone.values())

    assert answers(make_engine(), requests) == alone  # in a crowd, after a restart
    chopped = make_engine(max_batch_tokens=64, max_prefill_tokens_while_decoding=7)
    assert answers(chopped, requests) == alone
    assert answers(chopped, requests) == alone  # from the prefix cache
    assert chopped.stats().total_cached_tokens > 0
    narrow = make_engine(num_blocks=40)
    assert answers(narrow, requests) == alone
    assert narrow.stats().total_preemptions > 0


def test_nor_on_the_threads(make_engine, requests):
    some = requests[:8]
    expected = answers(make_engine(), some)
    torch.set_num_threads(2)
    try:
        assert answers(make_engine(), some) == expected
    finally:
        torch.set_num_threads(1)
