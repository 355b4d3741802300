"""Selection from rows of logits against torch's own operators."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.library import opcheck

VOCAB_SIZES = (1, 3, 64, 255, 256, 257, 5000, 151936)
INF, NAN = float("inf"), float("nan")
kamado = torch.ops.kamado


@pytest.mark.parametrize("vocab_size", VOCAB_SIZES)
def test_argmax_is_torchs(instruction_set, vocab_size):
    logits = torch.randn(5, vocab_size)
    assert torch.equal(kamado.argmax(logits), logits.argmax(-1))


@pytest.mark.parametrize("vocab_size", [700, 4097])
def test_argmax_of_equals_is_the_lowest_id(instruction_set, vocab_size):
    logits = torch.zeros(3, vocab_size)
    logits[1, 500:] = 1.0
    logits[2, -1] = 1.0
    assert kamado.argmax(logits).tolist() == [0, 500, vocab_size - 1]


@pytest.mark.parametrize("place", [0, 300, 4095, 4096])
def test_argmax_finds_none_where_the_largest_is_not_finite(instruction_set, place):
    logits = torch.randn(4, 4097)
    logits[0, place] = NAN
    logits[1, place] = INF
    logits[2] = -INF
    logits[3, place] = -INF
    assert kamado.argmax(logits).tolist() == [-1, -1, -1, int(logits[3].argmax())]


@pytest.mark.parametrize("vocab_size", [65, 256, 5000, 151936])
def test_top_k_is_torchs(instruction_set, vocab_size):
    logits = torch.randn(4, vocab_size) * 5
    logits[1].copy_(torch.arange(vocab_size))  # the k-th candidate is pushed out again and again
    rows, temperatures = [3, 1], [0.7, 1.3]
    values, ids, log_sums = kamado.top_k(logits, rows, temperatures, 64)
    scaled = logits[rows] - logits[rows].amax(-1, keepdim=True)
    scaled /= torch.tensor(temperatures)[:, None]
    expected = scaled.topk(64)
    assert torch.equal(values, expected.values)
    assert torch.equal(scaled.gather(1, ids), values)
    torch.testing.assert_close(log_sums, scaled.double().logsumexp(-1).float())


def test_top_k_of_equals_takes_the_lowest_ids(instruction_set):
    logits = torch.zeros(2, 40_000)
    logits[1, ::1000] = 1.0
    _, ids, _ = kamado.top_k(logits, [0, 1], [1.0, 1.0], 64)
    assert ids[0].tolist() == list(range(64))
    assert ids[1].tolist() == [*range(0, 40_000, 1000), *range(1, 25)]


def test_top_k_leaves_banned_ids_for_last(instruction_set):
    logits = torch.full((1, 1000), -INF)
    logits[0, [7, 300, 999]] = torch.tensor([1.0, 2.0, 0.5])
    values, ids, log_sums = kamado.top_k(logits, [0], [1.0], 5)
    assert ids[0, :3].tolist() == [300, 7, 999]
    assert values[0, 3:].tolist() == [-INF, -INF]
    torch.testing.assert_close(log_sums, (logits - 2.0).logsumexp(-1))


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 2**32),
    vocab_size=st.sampled_from(VOCAB_SIZES[:-1]),
    temperature=st.sampled_from([0.05, 1.0, 2.0]),
    uniform=st.floats(0, 1, exclude_max=True),
)
def test_draw_inverts_the_cumulative_probability(
    instruction_set, seed, vocab_size, temperature, uniform
):
    logits = torch.randn(2, vocab_size, generator=torch.Generator().manual_seed(seed)) * 3
    logits[:, 1::3] = -INF
    drawn = kamado.draw(logits, [1], [temperature], [uniform]).item()
    probs = (logits[1].double() / temperature).softmax(-1)
    cumulative = probs.cumsum(-1)
    assert probs[drawn] > 0
    slack = 1e-6  # of rounding
    assert cumulative[drawn] - probs[drawn] - slack <= uniform <= cumulative[drawn] + slack


def test_draws_have_the_distribution(instruction_set):
    logits = torch.tensor([[0.0, 1.0, -INF, 2.0]])
    uniforms = [(i + 0.5) / 1000 for i in range(1000)]
    drawn = kamado.draw(logits, [0] * 1000, [0.5] * 1000, uniforms)
    shares = torch.bincount(drawn, minlength=4) / 1000
    torch.testing.assert_close(shares, (logits[0] / 0.5).softmax(-1), atol=1e-3, rtol=0)


def test_a_row_is_the_same_in_every_batch(instruction_set):
    logits = torch.randn(9, 10_000)
    values, ids, log_sums = kamado.top_k(logits, list(range(9)), [0.9] * 9, 64)
    uniforms = torch.rand(9).tolist()
    drawn = kamado.draw(logits, list(range(9)), [0.9] * 9, uniforms)
    for row in (0, 4, 8):
        alone = kamado.top_k(logits, [row], [0.9], 64)
        for one, many in zip(alone, (values, ids, log_sums), strict=True):
            assert torch.equal(one[0], many[row])
        assert kamado.draw(logits, [row], [0.9], uniforms[row : row + 1])[0] == drawn[row]


def test_wrong_arguments_are_refused():
    logits = torch.randn(2, 50)
    with pytest.raises(RuntimeError, match="no row 2 of 2"):
        kamado.draw(logits, [2], [1.0], [0.5])
    with pytest.raises(RuntimeError, match="a temperature per row"):
        kamado.top_k(logits, [0], [], 3)
    with pytest.raises(RuntimeError, match="k is 1 to 50, not 51"):
        kamado.top_k(logits, [0], [1.0], 51)


def test_the_fakes_agree_with_the_kernels():
    logits = torch.randn(3, 500)
    opcheck(kamado.argmax.default, (logits,))
    opcheck(kamado.top_k.default, (logits, [0, 2], [1.0, 0.5], 7))
    opcheck(kamado.draw.default, (logits, [0, 2], [1.0, 0.5], [0.1, 0.9]))


@pytest.mark.parametrize("vocab_size", [1, 31, 33, 100, 3072, 70_001])
def test_what_has_no_bit_is_forbidden(instruction_set, vocab_size):
    logits = torch.randn(5, vocab_size)
    is_allowed = torch.rand(3, -(-vocab_size // 32) * 32) < 0.5
    bits = np.packbits(is_allowed.numpy(), axis=1, bitorder="little").view(np.int32)
    expected = logits.clone()
    for row, allowed in zip((4, 0, 2), is_allowed, strict=True):
        expected[row, ~allowed[:vocab_size]] = -torch.inf
    torch.ops.kamado.mask_logits(logits, torch.from_numpy(bits), [4, 0, 2])
    assert torch.equal(logits, expected)


def test_too_few_bits_are_refused():
    bits = torch.zeros(1, 3, dtype=torch.int32)
    with pytest.raises(RuntimeError, match="as many as the vocabulary"):
        torch.ops.kamado.mask_logits(torch.randn(2, 97), bits, [0])
