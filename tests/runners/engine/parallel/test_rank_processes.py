"""Ranks as processes: how they start, and what happens when one ends."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
import torch

from models.architectures.loading import load_causal_lm
from models.errors import ParallelError
from models.parallel.ranks import RankLostError
from runners.engine.parallel_model import ParallelModel
from runners.engine.parallel_processes import ParallelProcesses
from runners.engine.parallel_setup import ParallelSetup
from runners.engine.step_plan import usable_cores

needs_two_cores = pytest.mark.skipif(
    usable_cores() < 2, reason="one core cannot be divided between two ranks"
)


@pytest.fixture
def whole_affinity():
    """A divided model binds the thread that loads it to some cores."""
    before = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, before)


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
        cwd=Path(__file__).parents[4],
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
