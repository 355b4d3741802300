"""A model divided among ranks gives the tokens of one that is whole. Ranks here are threads, each
with its part, its caches and its place in a gloo group: what differs from processes is only how
they are started.
"""

import contextlib
import sys
import threading
from multiprocessing import Pipe

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    GPTNeoXConfig,
    LlamaConfig,
)

from models.architectures.loading import load_causal_lm
from models.errors import ParallelError, QuantizationError
from models.kernels import library
from models.parallel.ranks import RankLostError, Ranks
from runners.engine.config import CacheConfig, SchedulerConfig
from runners.engine.engine import Engine
from runners.engine.kv_cache import KVCache
from runners.engine.model_runner import ModelRunner
from runners.engine.parallel_decoder import ParallelDecoder
from runners.engine.parallel_follower import ParallelFollower
from runners.engine.scoring_task import ScoringTask

NAMES = ("llama", "qwen3", "gemma3", "phi3")
CPU = torch.device("cpu")


@pytest.fixture(scope="module", autouse=True)
def quick_switches():
    """Threads wait for each other at every exchange, and Python hands over every 5 ms by itself."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(interval)


@pytest.fixture
def divided(tmp_path):
    """Loads a folder divided among ranks, all but rank 0 on threads that end with the test."""
    open_ends, threads, leaders = [], [], []

    def divided(folder, size, **options):
        meeting_point = tmp_path / f"meet-{len(leaders)}"

        def part(rank):
            ranks = Ranks(rank, size)
            return load_causal_lm(folder, ranks=ranks, **options), ranks

        def follow(rank, theirs):
            torch.set_num_threads(1)
            decoder, ranks = part(rank)
            with contextlib.suppress(RankLostError):  # when rank 0 is closed in the midst of a step
                ranks.connect(meeting_point, CPU)
                ParallelFollower(decoder, ranks).follow(theirs)
            ranks.close()

        ends = []
        for rank in range(1, size):
            ours, theirs = Pipe()
            ends.append(ours)
            threads.append(threading.Thread(target=follow, args=(rank, theirs)))
            threads[-1].start()
        open_ends.extend(ends)
        decoder, ranks = part(0)
        ranks.connect(meeting_point, CPU)
        leaders.append(ranks)

        def send(message):
            for end in ends:
                end.send_bytes(message)

        return ParallelDecoder(decoder, ranks, send)

    yield divided
    for end in open_ends:
        end.close()
    for ranks in leaders:
        ranks.close()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("scheme", [None, "int8", "int4", "float8"])
@pytest.mark.parametrize("name", NAMES)
def test_the_tokens_are_those_of_the_whole_model(name, scheme, folder, divided, answers):
    whole = load_causal_lm(folder(name), quantization=scheme)
    parts = divided(folder(name), 2, quantization=scheme)
    assert parts.cache_shape.num_kv_heads == 2
    assert answers(parts)[0] == answers(whole)[0]


@pytest.mark.parametrize("name", ["llama", "qwen3"])
def test_four_ranks_with_unequal_parts(name, folder, divided, answers):
    whole = load_causal_lm(folder(name), quantization="int8")
    assert answers(divided(folder(name), 4, quantization="int8"))[0] == answers(whole)[0]


def test_without_the_kernels(monkeypatch, folder, divided, answers):
    monkeypatch.setattr(library, "is_loaded", lambda: False)
    monkeypatch.setattr("models.quantization.linear_factory.is_loaded", lambda: False)
    whole = load_causal_lm(folder("qwen3"), quantization="int8")
    assert answers(divided(folder("qwen3"), 2, quantization="int8"))[0] == answers(whole)[0]


def test_chunks_prefix_hits_and_preemption_change_no_token(folder, divided, answers):
    expected, _ = answers(load_causal_lm(folder("llama"), quantization=None))
    parts = divided(folder("llama"), 2, quantization=None)
    for chunk in (7, 256):
        for num_blocks in (22, 200):
            got, stats = answers(
                parts,
                num_blocks=num_blocks,
                max_batch_tokens=max(8, chunk),
                max_prefill_tokens_while_decoding=chunk,
            )
            assert got == expected
            assert stats.total_cached_tokens > 0
            assert (stats.total_preemptions > 0) == (num_blocks == 22)


def test_an_int8_cache_is_divided_too(folder, divided, run, request_of, prompts):
    def tokens(model):
        cache = CacheConfig(memory_bytes=2**22, precision="int8")
        engine = Engine(model, scheduler=SchedulerConfig(8, 32), cache=cache)
        return run(engine, *(request_of(f"r{i}", prompt) for i, prompt in enumerate(prompts)))

    whole = load_causal_lm(folder("llama"), quantization=None)
    assert tokens(divided(folder("llama"), 2, quantization=None)) == tokens(whole)


@pytest.mark.parametrize("size", [2, 4])
def test_a_row_s_bits_depend_on_no_other(size, folder, divided):
    parts = divided(folder("llama"), size, quantization=None)
    runner = ModelRunner(parts, KVCache(parts.cache_shape, 16, 4, CPU))
    alone = runner.embed([[5, 6, 7]])
    assert torch.equal(runner.embed([list(range(40)), [5, 6, 7], [9]])[1], alone[0])


def test_embeddings_and_scores(folder, divided, make_engine, prompts):
    whole = make_engine(load_causal_lm(folder("qwen3"), quantization=None))
    parts = make_engine(divided(folder("qwen3"), 2, quantization=None))
    torch.testing.assert_close(parts.embed(prompts), whole.embed(prompts), rtol=1e-4, atol=1e-5)
    # answers that begin on copies of a prompt's last block, which the others must copy, too
    tasks = [
        ScoringTask((1, 2, 3, 4, 5, 6), ((7, 8), (9,), (10, 11, 12))),
        ScoringTask((3,), ((4,),)),
    ]
    for got, expected in zip(parts.score(tasks), whole.score(tasks), strict=True):
        assert got == pytest.approx(expected, abs=1e-3)


def test_cleared_blocks_are_cleared_everywhere(folder, divided):
    hidden = []
    for model in (
        load_causal_lm(folder("llama"), quantization=None),
        divided(folder("llama"), 2, quantization=None),
    ):
        cache = KVCache(model.cache_shape, 4, 4, CPU)
        runner = ModelRunner(model, cache)
        model.forward(runner.forward_batch([([2, 1], 0, [5, 6, 7, 8, 9])], []), cache.layers)
        cache.clear([2])
        batch = runner.forward_batch([([2, 1], 5, [10])], [])
        hidden.append(model.forward(batch, cache.layers))
    torch.testing.assert_close(hidden[1], hidden[0], rtol=1e-4, atol=1e-4)


def test_a_failure_in_a_step_ends_the_engine(folder, divided, make_engine, request_of):
    """The other ranks are in the midst of it: to run each request alone is no way out."""
    parts = divided(folder("llama"), 2, quantization=None)
    engine = make_engine(parts)
    engine.add_request(request_of("r", [1, 2, 3]))
    engine.step()
    parts._decoder = None  # what follows raises AttributeError
    with pytest.raises(RankLostError, match="rank 0 failed in the midst of a step"):
        engine.step()


def test_a_transformers_forward_is_refused(tmp_path):
    config = GPTNeoXConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    with pytest.raises(ParallelError, match=r"a gpt_neox model, .* Leave tensor_parallel at 1"):
        load_causal_lm(tmp_path, quantization=None, ranks=Ranks(0, 2))


def test_what_cannot_be_divided_is_refused(folder, tmp_path):
    with pytest.raises(ParallelError, match=r"tensor_parallel is 3, .* 4 key-value heads"):
        load_causal_lm(folder("llama"), quantization=None, ranks=Ranks(0, 3))
    config = LlamaConfig.from_pretrained(folder("llama"))
    config.head_dim = 16  # 128 inputs after attention, in one group
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    with pytest.raises(QuantizationError, match="by groups of 128, one of which would be cut"):
        load_causal_lm(tmp_path, quantization="int4", ranks=Ranks(0, 2))
