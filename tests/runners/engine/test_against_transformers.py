"""The engine over a real decoder gives the tokens of `transformers` greedy generation, one prompt
at a time, under every way of cutting, sharing and crowding."""

import random

import pytest
import torch

from models.architectures.loading import load_causal_lm

VOCAB = 128
MAX_TOKENS = 12


@pytest.fixture(scope="module")
def reference(spread_llama):
    return spread_llama(VOCAB, 48, 3, 6)


@pytest.fixture(scope="module")
def folder(reference, tmp_path_factory):
    folder = tmp_path_factory.mktemp("llama")
    reference.save_pretrained(folder)
    return folder


@pytest.fixture
def decoder(backend, folder):
    return load_causal_lm(folder, quantization=None)


@pytest.fixture(scope="module")
def work(reference):
    """(prompt, what transformers continues it with); several prompts share a beginning."""
    rng = random.Random(1)
    shared = [rng.randrange(VOCAB) for _ in range(20)]
    cases = []
    for _ in range(10):
        prompt = shared[: rng.choice([0, 9, 20])] + [
            rng.randrange(VOCAB) for _ in range(rng.randint(1, 30))
        ]
        with torch.inference_mode():
            ids = reference.generate(
                torch.tensor([prompt]),
                attention_mask=torch.ones(1, len(prompt)),
                max_new_tokens=MAX_TOKENS,
                do_sample=False,
            )
        cases.append((prompt, ids[0, len(prompt) :].tolist()))
    return cases


@pytest.mark.parametrize("chunk", [1, 7, 256])
@pytest.mark.parametrize("prefix_caching", [False, True])
@pytest.mark.parametrize("num_blocks", [22, 200])
def test_equals_transformers(
    decoder, work, make_engine, run, request_of, chunk, prefix_caching, num_blocks
):
    engine = make_engine(
        decoder,
        num_blocks=num_blocks,
        prefix_caching=prefix_caching,
        max_batch_tokens=max(8, chunk),
        max_prefill_tokens_while_decoding=chunk,
    )
    requests = [
        request_of(f"r{i}", prompt, max_tokens=MAX_TOKENS) for i, (prompt, _) in enumerate(work)
    ]
    got = run(engine, *requests)
    assert [got[f"r{i}", 0][0] for i in range(len(work))] == [tokens for _, tokens in work]
    stats = engine.stats()
    assert (stats.total_cached_tokens > 0) == prefix_caching
    if num_blocks == 22 and chunk == 256:
        assert stats.total_preemptions > 0


def test_embeddings_are_the_mean_of_the_last_hidden_states(decoder, reference, make_engine):
    prompts = [[1, 2, 3], list(range(40)), [5]]
    got = make_engine(decoder).embed(prompts)
    for prompt, vector in zip(prompts, got, strict=True):
        hidden = reference.model(torch.tensor([prompt])).last_hidden_state[0].mean(0)
        expected = torch.nn.functional.normalize(hidden, dim=-1)
        torch.testing.assert_close(vector, expected, rtol=1e-4, atol=1e-5)
