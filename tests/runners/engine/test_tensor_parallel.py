"""A model divided among ranks gives the tokens of one that is whole.

Most ranks here are threads, each with its part, its caches and its place in a gloo group: what
differs from processes is only how they are started. The last tests start processes.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
from multiprocessing import Pipe
from pathlib import Path

import psutil
import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    GPTNeoXConfig,
    LlamaConfig,
    Phi3Config,
    Qwen3Config,
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
from runners.engine.parallel_model import ParallelModel
from runners.engine.parallel_processes import ParallelProcesses
from runners.engine.parallel_setup import ParallelSetup
from runners.engine.scoring_task import ScoringTask
from runners.engine.step_plan import usable_cores

VOCAB = 121
SIZES = {
    "vocab_size": VOCAB,
    "hidden_size": 64,
    "intermediate_size": 384,  # three groups of int4
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 64,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "bos_token_id": None,
    "eos_token_id": None,
}
CONFIGS = {
    "llama": LlamaConfig(**SIZES, attention_bias=True, mlp_bias=True),
    "qwen3": Qwen3Config(**SIZES, tie_word_embeddings=True),
    "gemma3": Gemma3TextConfig(**SIZES, sliding_window=8, query_pre_attn_scalar=64),
    "phi3": Phi3Config(**SIZES),
}
CPU = torch.device("cpu")
needs_two_cores = pytest.mark.skipif(
    usable_cores() < 2, reason="one core cannot be divided between two ranks"
)


@pytest.fixture(scope="module", autouse=True)
def quick_switches():
    """Threads wait for each other at every exchange, and Python hands over every 5 ms by itself."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(interval)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Of a family's random weights, spread so far that rounding decides no token."""
    folders: dict[str, Path] = {}

    def folder(name):
        if name not in folders:
            torch.manual_seed(0)
            model = AutoModelForCausalLM.from_config(CONFIGS[name]).float()
            with torch.no_grad():
                for parameter in model.parameters():
                    if parameter.dim() == 1:
                        parameter.add_(torch.randn_like(parameter) * 0.3)
                    else:
                        parameter.normal_(0, 2.0 / parameter.shape[1] ** 0.5)
            folders[name] = tmp_path_factory.mktemp(name)
            model.save_pretrained(folders[name])
        return folders[name]

    return folder


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


@pytest.fixture
def whole_affinity():
    """A divided model binds the thread that loads it to some cores."""
    before = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, before)


@pytest.fixture(scope="module")
def prompts():
    rng = random.Random(1)
    shared = [rng.randrange(VOCAB) for _ in range(20)]
    return [
        shared[: rng.choice([0, 9, 20])] + [rng.randrange(VOCAB) for _ in range(rng.randint(1, 30))]
        for _ in range(6)
    ]


@pytest.fixture
def answers(make_engine, run, request_of, prompts):
    """Each prompt's greedy tokens, and what the engine has counted meanwhile."""

    def answers(model, **options):
        engine = make_engine(model, **options)
        requests = [request_of(f"r{i}", prompt) for i, prompt in enumerate(prompts)]
        got = run(engine, *requests)
        return [got[f"r{i}", 0][0] for i in range(len(prompts))], engine.stats()

    return answers


@pytest.mark.parametrize("scheme", [None, "int8", "int4", "float8"])
@pytest.mark.parametrize("name", CONFIGS)
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
    config = LlamaConfig(**SIZES | {"head_dim": 16})  # 128 inputs after attention, in one group
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    with pytest.raises(QuantizationError, match="by groups of 128, one of which would be cut"):
        load_causal_lm(tmp_path, quantization="int4", ranks=Ranks(0, 2))


# Processes ---------------------------------------------------------------------------------------


def load(folder, size=2, device="cpu"):
    return ParallelModel(
        folder,
        size=size,
        quantization="int8",
        activations="float32",
        device=device,
        max_model_len=None,
        checkpoint=None,
        digests=True,
    )


@pytest.mark.parametrize(
    ("size", "device", "message"),
    [
        (usable_cores() + 1, "cpu", r"this process may use \d+ cores"),
        (2, "cuda:1", "device is cuda:1, which is one"),
        (torch.cuda.device_count() + 1, "cuda", r"\d+ CUDA devices are there"),
    ],
)
def test_more_ranks_than_the_machine_has_places_for(size, device, message, folder):
    with pytest.raises(ParallelError, match=message):
        load(folder("llama"), size, device)


@needs_two_cores
@pytest.mark.usefixtures("whole_affinity")
def test_processes_from_their_start_to_the_loss_of_one(folder, answers, make_engine, request_of):
    whole = load_causal_lm(folder("llama"), quantization="int8")
    model = load(folder("llama"))
    try:
        assert answers(model.decoder)[0] == answers(whole)[0]
        assert model.cache_bytes(1000) == 500
        assert 0 < model.cache_bytes(None) < psutil.virtual_memory().total / 2

        told = []
        is_told = threading.Event()
        model.watch(lambda error: (told.append(error), is_told.set()))
        engine = make_engine(model.decoder)
        engine.add_request(request_of("r", [1, 2, 3]))
        engine.step()
        (follower,) = followers_of(os.getpid())
        follower.send_signal(signal.SIGKILL)
        assert is_told.wait(60)
        with pytest.raises(RankLostError, match="tensor_parallel"):
            engine.step()
        assert "rank 1 of tensor_parallel" in str(told[0])
        assert "was ended by signal 9" in str(told[0])
    finally:
        model.close()
    assert not followers_of(os.getpid())


def setup(folder):
    return ParallelSetup(
        rank=1,
        size=2,
        folder=folder,
        quantization=None,
        activations="float32",
        device="cpu",
        max_model_len=None,
        digests=True,
        cores=(),
        meeting_point=folder / "meet",
    )


def test_what_another_rank_cannot_load_is_told(tmp_path):
    processes = ParallelProcesses([setup(tmp_path)])
    try:
        with pytest.raises(ParallelError, match=r"rank 1 cannot load its part: .*config\.json is"):
            processes.wait_until_loaded()
    finally:
        processes.close()
    assert not followers_of(os.getpid())


def test_a_rank_that_ends_while_it_loads_is_told(folder):
    processes = ParallelProcesses([setup(folder("llama"))])
    try:
        (follower,) = followers_of(os.getpid())
        follower.kill()
        with pytest.raises(ParallelError, match=r"rank 1 cannot load its part: its process has"):
            processes.wait_until_loaded()
    finally:
        processes.close()


PARENT = """
import sys
from runners.engine.parallel_processes import ParallelProcesses
from runners.engine.parallel_setup import ParallelSetup
processes = ParallelProcesses([ParallelSetup.unpack(sys.stdin.buffer.read())])
processes.wait_until_loaded()
print("loaded", flush=True)
processes._ranks[0][2].wait()
"""


def test_no_rank_outlives_the_one_that_serves(folder):
    """Even if that had no time to say so."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        parent.stdin.write(setup(folder("llama")).pack())
        parent.stdin.close()
        assert parent.stdout.readline() == b"loaded\n"
        (follower,) = followers_of(parent.pid)
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()
    _, alive = psutil.wait_procs([follower], timeout=60)
    assert not alive


def followers_of(pid):
    found = []
    for child in psutil.Process(pid).children():
        with contextlib.suppress(psutil.Error):  # it may have ended just now
            if "runners.engine.parallel_worker" in child.cmdline():
                found.append(child)
    return found
