"""Kernels replayed without Python: the same bits, other inputs, and nothing recorded in part."""

import subprocess
import sys
import textwrap
import threading

import pytest
import torch

from models.kernels.packed_weight import pack_float
from models.kernels.tape import Tape
from models.layers.norm import RMSNorm
from models.layers.packed_linear import PackedLinear

SIZE = 64


@pytest.fixture
def network():
    linears = [PackedLinear(pack_float(torch.randn(SIZE, SIZE)), SIZE) for _ in range(3)]
    norm = RMSNorm(torch.randn(SIZE), 1e-5)

    def network(x):
        y = linears[0](x, norm=norm)
        y = linears[1](y, residual=x)
        return norm(linears[2](y), residual=y)

    return network


def test_a_replay_gives_the_bits_of_the_call(network):
    tape = Tape()
    for rows in (3, 1, 40, 3):
        x = torch.randn(rows, SIZE)
        expected = network(x)
        # After the recording the function is not called again.
        assert torch.equal(tape(lambda x=x: network(x), [x]), expected)

    def never():
        raise AssertionError("replayed, not called")

    x = torch.randn(5, SIZE)
    assert torch.equal(tape(never, [x]), network(x))


def test_what_calls_other_operators_is_called_every_time(network):
    tape = Tape()
    for _ in range(3):
        x = torch.randn(4, SIZE)
        expected = network(x * 2.0)
        assert torch.equal(tape(lambda x=x: network(x * 2.0), [x]), expected)


def test_a_failure_while_recording_leaves_nothing_behind(network):
    tape, x = Tape(), torch.randn(4, SIZE)

    def failing():
        network(x)
        raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        tape(failing, [x])
    assert torch.equal(tape(lambda: network(x), [x]), network(x))
    assert torch.equal(tape(lambda: network(x), [x]), network(x))


def test_another_number_of_inputs_is_refused(network):
    tape, x = Tape(), torch.randn(4, SIZE)
    tape(lambda: network(x), [x])
    with pytest.raises(RuntimeError, match="recorded with 1 inputs, replayed with 2"):
        tape(lambda: network(x), [x, x])


def test_recording_needs_no_compiler():
    """In a process of its own: torch imports its compiler once, whoever asks for it first."""
    recording = """
        import sys, torch
        from models.kernels.packed_weight import pack_float
        from models.kernels.tape import Tape
        from models.layers.packed_linear import PackedLinear
        linear, tape = PackedLinear(pack_float(torch.randn(64, 64)), 64), Tape()
        for _ in range(2):
            tape(lambda: linear(x), [x := torch.randn(4, 64)])
        print([name for name in sys.modules if name == "torch._dynamo"])
    """
    command = [sys.executable, "-c", textwrap.dedent(recording)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_python_goes_on_while_it_replays():
    """With a switch interval longer than the test only a released lock lets another thread run."""
    size = 2048
    linear = PackedLinear(pack_float(torch.randn(size, size)), size)
    tape, x = Tape(), torch.randn(512, size)

    def forward():
        y = x
        for _ in range(8):
            y = linear(y)
        return y

    tape(forward, [x])
    turns, has_ended = [], threading.Event()

    def count():
        while not has_ended.is_set():
            turns.append(None)
            has_ended.wait(0.001)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    counting = threading.Thread(target=count)
    try:
        counting.start()
        before = len(turns)
        tape(forward, [x])
        assert len(turns) > before
    finally:
        has_ended.set()
        counting.join()
        sys.setswitchinterval(interval)
